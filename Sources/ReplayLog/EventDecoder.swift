// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Reads the events of one member, checking each against the header and the order of events.
struct EventDecoder {
  enum Failure: Error {
    case malformed(String)
    case unknownKind(UInt8)
  }

  private let header: ReplayLogHeader
  private var reader: ByteReader
  /// Number of the next event.
  private(set) var number: UInt64
  /// Where the event before stands; the member's first event starts from the moment that the member states.
  private var position: UInt64
  private var idleTime: UInt64

  /// Distances count from `first`, the moment that the member states; nil when no clock can say that.
  init?(_ bytes: [UInt8], header: ReplayLogHeader, firstEvent: UInt64, first: LogMoment) {
    guard let idleTime = first.idleTime(shift: header.shift) else { return nil }
    self.header = header
    reader = ByteReader(bytes)
    number = firstEvent
    position = first.position
    self.idleTime = idleTime
  }

  var isAtEnd: Bool { reader.isAtEnd }

  mutating func next() throws(Failure) -> LogEvent {
    let start = reader.offset
    let tag: UInt8
    let positionDelta: UInt64
    var idleDelta: UInt64 = 0
    let data: ArraySlice<UInt8>
    do throws(ByteCodingError) {
      tag = try reader.uint8()
      positionDelta = try reader.varint()
      if tag & EventCoding.idleFlag != 0 { idleDelta = try reader.varint() }
      data = try reader.counted()
    } catch {
      throw .malformed("event \(number) does not end")
    }
    let moment = try advance(by: positionDelta, idle: idleDelta)
    let payload: LogPayload?
    do throws(ByteCodingError) {
      payload = try decodePayload(of: tag & ~EventCoding.idleFlag, data)
    } catch {
      payload = nil
    }
    guard let payload else {
      let kindNumber = tag & ~EventCoding.idleFlag
      guard let kind = LogEventKind(rawValue: kindNumber) else { throw .unknownKind(kindNumber) }
      throw .malformed("event \(number) is not a proper \(kind.name)")
    }
    defer { number += 1 }
    return LogEvent(number: number, moment: moment, payload: payload, byteCount: reader.offset - start)
  }

  private mutating func advance(by positionDelta: UInt64, idle idleDelta: UInt64) throws(Failure) -> LogMoment
  {
    let (position, positionOverflows) = position.addingReportingOverflow(positionDelta)
    let (idleTime, idleOverflows) = idleTime.addingReportingOverflow(idleDelta)
    let shift = UInt64(header.shift)
    guard !positionOverflows, !idleOverflows, position <= UInt64.max >> shift else {
      throw .malformed("event \(number) is beyond the end of time")
    }
    let (time, timeOverflows) = (position << shift).addingReportingOverflow(idleTime)
    guard !timeOverflows else { throw .malformed("event \(number) is beyond the end of time") }
    self.position = position
    self.idleTime = idleTime
    return LogMoment(position: position, time: time)
  }

  /// nil when the kind is unknown and not optional, or a value is not one that its kind may have.
  private func decodePayload(of kindNumber: UInt8, _ data: ArraySlice<UInt8>) throws(ByteCodingError)
    -> LogPayload?
  {
    guard let kind = LogEventKind(rawValue: kindNumber) else {
      return kindNumber < LogEventKind.firstOptional
        ? nil : .unrecognized(kind: kindNumber, data: Array(data))
    }
    var reader = ByteReader(data)
    let payload: LogPayload
    switch kind {
    case .consoleInput, .consoleOutput, .entropyRead:
      guard data.count <= LogPayload.dataLimit else { return nil }
      let bytes = Array(try reader.raw(data.count))
      switch kind {
      case .consoleInput: payload = .consoleInput(bytes)
      case .consoleOutput: payload = .consoleOutput(bytes)
      default: payload = .entropyRead(bytes)
      }
    case .blockRequest:
      guard let request = try blockRequest(&reader) else { return nil }
      payload = .blockRequest(request)
    case .blockCompletion:
      guard let completion = try blockCompletion(&reader) else { return nil }
      payload = .blockCompletion(completion)
    case .frameInput, .frameOutput:
      guard let frame = try frame(&reader, mayBeDigest: kind == .frameOutput) else { return nil }
      payload = kind == .frameInput ? .frameInput(frame) : .frameOutput(frame)
    case .linkChange:
      let interface = try reader.varint()
      let state = try reader.uint8()
      guard interface < ReplayLogHeader.interfaceCountLimit, state <= 1 else { return nil }
      payload = .linkChange(interface: Int(interface), isUp: state == 1)
    case .clockRead: payload = .clockRead(nanoseconds: try reader.uint64())
    case .reset:
      guard let source = LogSource(rawValue: try reader.uint8()) else { return nil }
      payload = .reset(source)
    case .powerOff:
      guard let source = LogSource(rawValue: try reader.uint8()) else { return nil }
      payload = .powerOff(source, status: try reader.uint32())
    case .digest:
      guard data.count == 8 * header.digestComponents.count else { return nil }
      var values: [UInt64] = []
      values.reserveCapacity(header.digestComponents.count)
      while !reader.isAtEnd { values.append(try reader.uint64()) }
      payload = .digest(values)
    case .end:
      guard let end = LogEnd(number: try reader.uint8(), status: try reader.uint32()) else { return nil }
      payload = .end(end)
    case .snapshot, .note:
      guard data.count <= (kind == .snapshot ? LogPayload.nameLimit : LogPayload.dataLimit),
        let text = String(validating: try reader.raw(data.count), as: UTF8.self)
      else { return nil }
      payload = kind == .snapshot ? .snapshot(name: text) : .note(text)
    }
    return reader.isAtEnd ? payload : nil
  }

  private func frame(_ reader: inout ByteReader, mayBeDigest: Bool) throws(ByteCodingError) -> LogFrame? {
    let interface = try reader.varint()
    guard interface < ReplayLogHeader.interfaceCountLimit else { return nil }
    let content: LogFrame.Content
    switch try reader.uint8() {
    case EventCoding.wholeFrame:
      guard reader.remaining <= LogPayload.dataLimit else { return nil }
      content = .bytes(Array(try reader.raw(reader.remaining)))
    case EventCoding.digestOfFrame where mayBeDigest:
      let byteCount = try reader.varint()
      guard byteCount <= LogPayload.dataLimit else { return nil }
      content = .digest(try reader.uint64(), byteCount: Int(byteCount))
    default: return nil
    }
    return LogFrame(interface: Int(interface), content: content)
  }

  private func blockRequest(_ reader: inout ByteReader) throws(ByteCodingError) -> LogBlockRequest? {
    let drive = try reader.varint()
    let id = try reader.varint()
    let operation = LogBlockRequest.Operation(rawValue: try reader.uint8())
    guard drive < UInt64(header.driveCount), let operation else { return nil }
    return LogBlockRequest(
      drive: Int(drive), id: id, operation: operation, sector: try reader.varint(),
      sectorCount: try reader.varint(), dataDigest: operation == .write ? try reader.uint64() : 0)
  }

  private func blockCompletion(_ reader: inout ByteReader) throws(ByteCodingError) -> LogBlockCompletion? {
    let drive = try reader.varint()
    let id = try reader.varint()
    let flags = try reader.uint8()
    guard drive < UInt64(header.driveCount), flags < 4 else { return nil }
    return LogBlockCompletion(
      drive: Int(drive), id: id, succeeded: flags & 1 != 0,
      dataDigest: flags & 2 != 0 ? try reader.uint64() : nil)
  }
}

extension LogEnd {
  fileprivate init?(number: UInt8, status: UInt32) {
    switch number {
    case 0: self = .poweredOff(status: status)
    case 1 where status == 0: self = .interrupted
    case 2 where status == 0: self = .limit
    case 3 where status == 0: self = .stalled
    case 4 where status == 0: self = .failed
    default: return nil
    }
  }
}
