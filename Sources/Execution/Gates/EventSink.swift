// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import HostSystem
import ReplayLog

/// Where a recording's events go. The log of a recording; an array in tests.
package protocol EventSink: AnyObject {
  /// Events come in ascending order of moments.
  func append(_ payload: LogPayload, at moment: LogMoment)
  /// The same for digests that are still being computed. It does not wait for them.
  func append(_ digests: PendingDigests, at moment: LogMoment)
  /// Called every few thousand instructions, for what is to happen from time to time.
  func tick()
  /// Called when the machine may stand still for this many guest nanoseconds; nil: for ever.
  func rest(nanoseconds: UInt64?)
}

/// Where a replay's events come from.
package protocol EventSource: AnyObject {
  /// The next event in order; nil at the end of the log, whether it was closed there or not.
  func next() throws(Failure) -> LogEvent?
  /// Makes event `number`, which the log has, the one that `next` gives.
  func seek(toEvent number: UInt64) throws(Failure)
}

extension LogMoment {
  package init(_ moment: Moment) { self.init(position: moment.position, time: moment.time) }
}

extension Moment {
  package init(_ moment: LogMoment) { self.init(position: moment.position, time: moment.time) }
}

extension LogBlockRequest {
  package init(_ request: BlockRequest) {
    let operation: Operation
    let sectorCount: UInt64
    var dataDigest: UInt64 = 0
    switch request.operation {
    case .read(let byteCount):
      operation = .read
      sectorCount = UInt64(byteCount / BlockRequest.sectorSize)
    case .write(let data):
      operation = .write
      sectorCount = UInt64(data.count / BlockRequest.sectorSize)
      dataDigest = Digest.of(data)
    case .flush:
      operation = .flush
      sectorCount = 0
    case .discard(let count):
      operation = .discard
      sectorCount = count
    case .writeZeroes(let count, let mayUnmap):
      operation = mayUnmap ? .writeZeroesUnmap : .writeZeroes
      sectorCount = count
    }
    self.init(
      drive: request.drive, id: request.id, operation: operation, sector: request.sector,
      sectorCount: sectorCount, dataDigest: dataDigest)
  }
}

extension LogFrame {
  /// - Parameter isWhole: whether its bytes are kept, or only what tells whether others are the same.
  package init(_ frame: NetworkFrame, isWhole: Bool = true) {
    self.init(
      interface: frame.interface,
      content: isWhole
        ? .bytes(frame.bytes) : .digest(Digest.of(frame.bytes), byteCount: frame.bytes.count))
  }

  /// Whether it is this frame.
  func matches(_ frame: NetworkFrame) -> Bool {
    switch content {
    case .bytes: self == LogFrame(frame)
    case .digest: self == LogFrame(frame, isWhole: false)
    }
  }
}

extension LogBlockCompletion {
  package init(_ completion: BlockCompletion) {
    self.init(
      drive: completion.drive, id: completion.id, succeeded: completion.succeeded,
      dataDigest: completion.data.isEmpty ? nil : Digest.of(completion.data))
  }
}
