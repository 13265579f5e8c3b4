// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// The bytes of an event: a tag, the position's distance from the event before, the growth of the idle time when the
/// tag says that it grew, the payload's length, the payload.
enum EventCoding {
  /// Set in the tag when idle time was skipped since the event before.
  static let idleFlag: UInt8 = 0x80

  /// What a frame's event has of it.
  static let wholeFrame: UInt8 = 0
  static let digestOfFrame: UInt8 = 1

  /// The most bytes of an event that are not its data.
  static let overheadLimit = 64
}

extension ByteWriter {
  /// Appends an event that comes `positionDelta` instructions and `idleDelta` idle nanoseconds after the one before.
  mutating func event(_ payload: LogPayload, positionDelta: UInt64, idleDelta: UInt64) {
    guard let kind = payload.kind else { preconditionFailure("an event of an unknown kind is never written") }
    uint8(idleDelta == 0 ? kind.rawValue : kind.rawValue | EventCoding.idleFlag)
    varint(positionDelta)
    if idleDelta != 0 { varint(idleDelta) }
    varint(UInt64(payload.encodedByteCount))
    let start = count
    body(payload)
    assert(count - start == payload.encodedByteCount)
  }

  private mutating func body(_ payload: LogPayload) {
    switch payload {
    case .consoleInput(let data), .consoleOutput(let data), .entropyRead(let data): raw(data)
    case .blockRequest(let request):
      varint(UInt64(request.drive))
      varint(request.id)
      uint8(request.operation.rawValue)
      varint(request.sector)
      varint(request.sectorCount)
      if request.operation == .write { uint64(request.dataDigest) }
    case .blockCompletion(let completion):
      varint(UInt64(completion.drive))
      varint(completion.id)
      uint8((completion.succeeded ? 1 : 0) | (completion.dataDigest == nil ? 0 : 2))
      if let digest = completion.dataDigest { uint64(digest) }
    case .frameInput(let frame), .frameOutput(let frame):
      varint(UInt64(frame.interface))
      switch frame.content {
      case .bytes(let bytes):
        uint8(EventCoding.wholeFrame)
        raw(bytes)
      case .digest(let digest, let byteCount):
        uint8(EventCoding.digestOfFrame)
        varint(UInt64(byteCount))
        uint64(digest)
      }
    case .linkChange(let interface, let isUp):
      varint(UInt64(interface))
      uint8(isUp ? 1 : 0)
    case .clockRead(let nanoseconds): uint64(nanoseconds)
    case .reset(let source): uint8(source.rawValue)
    case .powerOff(let source, let status):
      uint8(source.rawValue)
      uint32(status)
    case .digest(let values): for value in values { uint64(value) }
    case .end(let end):
      uint8(end.number)
      uint32(end.status)
    case .snapshot(let text), .note(let text): raw(text.utf8)
    case .unrecognized(_, let data): raw(data)
    }
  }
}

extension LogPayload {
  /// Bytes of the payload in the log.
  var encodedByteCount: Int {
    switch self {
    case .consoleInput(let data), .consoleOutput(let data), .entropyRead(let data): data.count
    case .blockRequest(let request):
      1 + varintByteCount(UInt64(request.drive)) + varintByteCount(request.id)
        + varintByteCount(request.sector)
        + varintByteCount(request.sectorCount) + (request.operation == .write ? 8 : 0)
    case .blockCompletion(let completion):
      1 + varintByteCount(UInt64(completion.drive)) + varintByteCount(completion.id)
        + (completion.dataDigest == nil ? 0 : 8)
    case .frameInput(let frame), .frameOutput(let frame):
      switch frame.content {
      case .bytes(let bytes): 1 + varintByteCount(UInt64(frame.interface)) + bytes.count
      case .digest(_, let byteCount):
        9 + varintByteCount(UInt64(frame.interface)) + varintByteCount(UInt64(byteCount))
      }
    case .linkChange(let interface, _): 1 + varintByteCount(UInt64(interface))
    case .clockRead: 8
    case .reset: 1
    case .powerOff, .end: 5
    case .digest(let values): 8 * values.count
    case .snapshot(let text), .note(let text): text.utf8.count
    case .unrecognized(_, let data): data.count
    }
  }
}

/// Bytes that `ByteWriter.varint` writes.
private func varintByteCount(_ value: UInt64) -> Int {
  max(1, (64 - value.leadingZeroBitCount + 6) / 7)
}

extension LogEnd {
  fileprivate var number: UInt8 {
    switch self {
    case .poweredOff: 0
    case .interrupted: 1
    case .limit: 2
    case .stalled: 3
    case .failed: 4
    }
  }

  fileprivate var status: UInt32 {
    if case .poweredOff(let status) = self { status } else { 0 }
  }
}
