// SPDX-License-Identifier: Apache-2.0

import ReplayLog

/// What one pass over a log counts.
struct LogTally {
  struct Count: Sendable, Equatable {
    var events: UInt64 = 0
    /// In the log, before compression.
    var bytes: UInt64 = 0
  }

  var total = Count()
  /// By the kind's number, so that kinds unknown here count too.
  var kinds: [UInt8: Count] = [:]
  /// The last event of that kind.
  var end: LogEnd?

  mutating func add(_ event: LogEvent) {
    total.events += 1
    total.bytes += UInt64(event.byteCount)
    kinds[event.payload.kindNumber, default: Count()].events += 1
    kinds[event.payload.kindNumber, default: Count()].bytes += UInt64(event.byteCount)
    if case .end(let end) = event.payload { self.end = end }
  }

  /// Counts of all kinds that occur, in the order of their numbers.
  var kindCounts: [KindCount] {
    kinds.sorted { $0.key < $1.key }.map { number, count in
      KindCount(
        kind: LogEventKind(rawValue: number)?.name ?? "kind-\(number)", eventCount: count.events,
        byteCount: count.bytes)
    }
  }
}

/// Events of one kind.
public struct KindCount: Sendable, Equatable {
  public var kind: String
  public var eventCount: UInt64
  /// In the log, before compression.
  public var byteCount: UInt64
}

extension LogPayload {
  var kindNumber: UInt8 {
    if case .unrecognized(let number, _) = self { return number }
    // Every other payload is of a known kind.
    return kind?.rawValue ?? 0
  }

  /// The kind's name; "kind-100" for one that this version does not know.
  var kindName: String { kind?.name ?? "kind-\(kindNumber)" }
}
