// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Writes a log.
///
/// Not Sendable: it belongs to the thread of the machine. Appending an event encodes it into a buffer; full buffers
/// are compressed and written on another thread. An error there (a full disk) is thrown by the next call here, and by
/// all that follow. A writer that goes away without `close` leaves what a killed recorder leaves: a log that is good
/// up to its last complete member.
public final class ReplayLogWriter {
  public static let defaultCompressionLevel = 6
  /// How far a member reaches at most: about half a second of a run.
  public static let defaultMemberSpan: UInt64 = 100_000_000
  /// Full members that may wait for compression, a mebibyte.
  private static let queueDepth = 16

  public let header: ReplayLogHeader
  /// Events appended so far, and those before the first that it has.
  public private(set) var eventCount: UInt64 = 0
  /// The moment of the last event; the start of the run before there is one.
  public private(set) var last: LogMoment

  private let pipeline: MemberPipeline
  private let memberSpan: UInt64
  private var isClosed = false
  /// Idle time before the last event.
  private var idleTime: UInt64
  // The open member.
  private var content = ByteWriter()
  private var lateDigests: [MemberPipeline.LateDigests] = []
  private var firstEvent: UInt64 = 0
  private var first: LogMoment

  /// Creates the log at `path`, which must not exist, and writes its header.
  ///
  /// - Parameters:
  ///   - compressionLevel: zlib's, 0 (none) to 9.
  ///   - memberSpan: the most instructions between the first event of a member and its last.
  ///   - firstEvent: the first event's number, of a log whose events before it are not to be in it. The header's start must then be
  ///     that event's moment.
  public convenience init(
    creating path: String, header: ReplayLogHeader, compressionLevel: Int = defaultCompressionLevel,
    memberSpan: UInt64 = defaultMemberSpan, firstEvent: UInt64 = 0
  ) throws(ReplayLogError) {
    var header = header
    header.version = firstEvent == 0 ? ReplayLogHeader.wholeVersion : ReplayLogHeader.droppedVersion
    try self.init(
      file: LogFile.create(path), header: header, compressionLevel: compressionLevel, memberSpan: memberSpan,
      firstEvent: firstEvent)
  }

  /// Writes a log to a descriptor, which is closed in the end; `path` is for messages.
  package convenience init(descriptor: Int32, path: String, header: ReplayLogHeader) throws(ReplayLogError) {
    try self.init(
      file: LogFile(path: path, descriptor: descriptor), header: header,
      compressionLevel: Self.defaultCompressionLevel, memberSpan: Self.defaultMemberSpan)
  }

  private init(
    file: LogFile, header: ReplayLogHeader, compressionLevel: Int, memberSpan: UInt64, firstEvent: UInt64 = 0
  ) throws(ReplayLogError) {
    precondition((0...9).contains(compressionLevel))
    guard let idleTime = header.start.idleTime(shift: header.shift) else {
      preconditionFailure("a start whose clock is behind its position")
    }
    self.header = header
    self.memberSpan = memberSpan
    self.idleTime = idleTime
    last = header.start
    first = header.start
    pipeline = MemberPipeline(file: file, level: Int32(compressionLevel), depth: Self.queueDepth)
    eventCount = firstEvent
    try pipeline.writeHeader(header, firstEvent: firstEvent)
  }

  /// Bytes in the file so far; the open member and those that wait are not in it yet.
  public var byteCount: UInt64 { pipeline.byteCount }

  /// Appends an event and answers its number.
  ///
  /// Output, entropy and notes of more than `LogPayload.dataLimit` bytes become several events of the same kind and moment; the answer is
  /// the number of the first. Neither positions nor the time skipped while idle go backwards.
  @discardableResult
  public func append(_ payload: LogPayload, at moment: LogMoment) throws(ReplayLogError) -> UInt64 {
    precondition(!isClosed, "the log is closed")
    try pipeline.check()
    check(payload)
    let number = eventCount
    switch payload {
    case .consoleOutput(let data) where data.count > LogPayload.dataLimit:
      for part in Self.parts(of: data) { add(.consoleOutput(part), at: moment) }
    case .entropyRead(let data) where data.count > LogPayload.dataLimit:
      for part in Self.parts(of: data) { add(.entropyRead(part), at: moment) }
    case .note(let text) where text.utf8.count > LogPayload.dataLimit:
      for part in Self.parts(of: text) { add(.note(part), at: moment) }
    default: add(payload, at: moment)
    }
    return number
  }

  /// Appends digests that are still being computed, and answers the event's number. Events after it can be appended at once.
  ///
  /// - Parameter values: answers one value for each of the header's components, the same whenever it is called, which is on the
  ///   writing thread: soon, so that they are there in time, and again when they are written. As long as it has not
  ///   come back, nothing that follows is in the file.
  @discardableResult
  public func append(
    digests values: @escaping @Sendable () -> [UInt64], at moment: LogMoment
  ) throws(ReplayLogError) -> UInt64 {
    let count = header.digestComponents.count
    let number = try append(.digest([UInt64](repeating: 0, count: count)), at: moment)
    // The event is the last one in `content`, and ends with the values.
    lateDigests.append(.init(offset: content.count - 8 * count, count: count, values: values))
    pipeline.prepare(values)
    return number
  }

  /// Gives the events so far to the writing thread, so that they survive a recorder that is killed. Does not wait.
  public func flush() throws(ReplayLogError) {
    precondition(!isClosed, "the log is closed")
    closeMember()
    try pipeline.check()
  }

  /// The log as other threads see it.
  public var written: WrittenLog { WrittenLog(pipeline: pipeline) }

  /// Writes the events so far and waits until the file has them.
  package func drain() throws(ReplayLogError) {
    try flush()
    try pipeline.drain()
  }

  /// Writes what is left, the index and the trailing member, and waits until the file has it all. Afterwards nothing
  /// can be appended; closing again does nothing.
  public func close() throws(ReplayLogError) {
    if isClosed { return }
    closeMember()
    isClosed = true
    try pipeline.finish(eventCount: eventCount, last: last)
  }

  private func add(_ payload: LogPayload, at moment: LogMoment) {
    guard let idleTime = moment.idleTime(shift: header.shift) else {
      preconditionFailure("an event whose clock is behind its position, or beyond the end of time")
    }
    precondition(moment.position >= last.position, "an event before the one before it")
    precondition(idleTime >= self.idleTime, "idle time that was not spent after all")
    let size = payload.encodedByteCount + EventCoding.overheadLimit
    if content.count + size > LogMember.contentLimit || moment.position - first.position > memberSpan {
      closeMember()
    }
    if content.count == 0 {
      content = ByteWriter(reserving: 4096)
      firstEvent = eventCount
      first = moment
      content.event(payload, positionDelta: 0, idleDelta: 0)
    } else {
      content.event(
        payload, positionDelta: moment.position - last.position, idleDelta: idleTime - self.idleTime)
    }
    last = moment
    self.idleTime = idleTime
    eventCount += 1
  }

  private func closeMember() {
    if content.count == 0 { return }
    pipeline.submit(
      .init(
        content: content.bytes, lateDigests: lateDigests, eventCount: Int(eventCount - firstEvent),
        firstEvent: firstEvent, first: first))
    content = ByteWriter()
    lateDigests = []
  }

  /// What a reader would refuse is a programmer error here.
  private func check(_ payload: LogPayload) {
    switch payload {
    case .blockRequest(let request):
      precondition((0..<header.driveCount).contains(request.drive), "a drive that the header does not have")
      precondition(
        request.operation == .write || request.dataDigest == 0, "a digest of data that only a write has")
    case .blockCompletion(let completion):
      precondition(
        (0..<header.driveCount).contains(completion.drive), "a drive that the header does not have")
    case .frameInput(let frame), .frameOutput(let frame):
      precondition(frame.byteCount <= LogPayload.dataLimit, "a frame that one event cannot carry")
    case .consoleInput(let data):
      precondition(data.count <= LogPayload.dataLimit, "an arrival that one event cannot carry")
    case .digest(let values):
      precondition(values.count == header.digestComponents.count, "not a digest for each component")
    case .snapshot(let name): precondition(name.utf8.count <= LogPayload.nameLimit, "too long a name")
    default: break
    }
  }

  private static func parts(of data: [UInt8]) -> [[UInt8]] {
    stride(from: 0, to: data.count, by: LogPayload.dataLimit).map { start in
      Array(data[start..<min(start + LogPayload.dataLimit, data.count)])
    }
  }

  /// Parts that are each valid UTF-8.
  private static func parts(of text: String) -> [String] {
    var parts: [String] = []
    var part = String.UnicodeScalarView()
    var byteCount = 0
    for scalar in text.unicodeScalars {
      let width = UTF8.width(scalar)
      if byteCount + width > LogPayload.dataLimit {
        parts.append(String(part))
        part = .init()
        byteCount = 0
      }
      part.append(scalar)
      byteCount += width
    }
    parts.append(String(part))
    return parts
  }
}

/// What has been written of a log that is being made, for other threads than its writer's.
public struct WrittenLog: Sendable {
  let pipeline: MemberPipeline

  /// Bytes in the file.
  public var byteCount: UInt64 { pipeline.byteCount }

  /// Waits until what was flushed before is in the file.
  public func wait() throws(ReplayLogError) { try pipeline.drain() }

  /// Has events before number `number` dropped from the front of the file, which stands at `path` now, when that is
  /// worth it. An error comes with the next call of the writer.
  public func drop(eventsBefore number: UInt64, path: String) {
    pipeline.drop(eventsBefore: number, path: path)
  }
}
