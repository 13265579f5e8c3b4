// SPDX-License-Identifier: Apache-2.0

import HostSystem
import RecordingStore
import ReplayLog

/// Working out what users' positions mean.
extension Timeline {
  /// The position that an expression means on this recording, for a move from the start of a command: `+N` counts from
  /// where the timeline stands, `-N` from the recording's end.
  public func resolve(_ expression: PositionExpression) throws(Failure) -> UInt64 {
    let current: UInt64? = if case .backward = expression { nil } else { position }
    return try expression.resolve(in: context(current: current))
  }

  /// What expressions are worked out from here.
  package func context(current: UInt64?) throws(Failure) -> PositionExpression.Context {
    var context = try Self.context(of: recording, log: log, current: current)
    if let present {
      context.end = present.position
      context.snapshot = { [self] (name) throws(Failure) in presentSnapshot(name) }
    }
    return context
  }

  /// The same before there is a timeline, seen from the snapshot `name`; nil: from the start.
  static func resolve(
    _ expression: PositionExpression, on recording: Recording, log: ReplayLogReader, from name: String?
  ) throws(Failure) -> UInt64 {
    var current: UInt64?
    if case .forward = expression, let name {
      current = try SnapshotStore(recording).find(name).moment.position
    }
    return try expression.resolve(in: try context(of: recording, log: log, current: current))
  }

  /// What expressions are worked out from, without a replay.
  public static func context(
    of recording: Recording, log: ReplayLogReader, current: UInt64?
  ) throws(Failure) -> PositionExpression.Context {
    let manifest = recording.manifest
    // One that starts where its machine was switched on starts at 0.
    let start =
      manifest.boot.snapshot == nil
      ? 0 : try SnapshotStore(recording).find(manifest.initialSnapshot).moment.position
    return PositionExpression.Context(
      current: current, start: start, end: max(start, log.last.position),
      event: { (number) throws(Failure) in
        guard number >= log.firstEventNumber else { return nil }
        let cursor = log.makeCursor()
        return try withLogFailures({ () throws(ReplayLogError) in
          try cursor.seek(toEvent: number)
          return try cursor.next()?.position
        })
      },
      snapshot: { (name) throws(Failure) in
        try SnapshotStore(recording).list().first { $0.name == name }?.moment.position
      })
  }
}
