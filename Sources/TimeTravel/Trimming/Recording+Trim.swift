// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Emulator
import Glibc
import HostSystem
import RecordingStore
import ReplayLog

/// A part of a recording as a recording of its own: docs/carry.md.
///
/// It starts as the whole one stands at the first place, and ends where that stands at the second. Positions, guest time and numbers
/// of events mean the same in both. It needs nothing of the old one, and no image: it has what it reads of those.
extension Recording {
  public struct TrimFigures: Equatable, Sendable {
    /// Where it starts and ends.
    public var start: UInt64
    public var end: UInt64
    /// Snapshots that lie between.
    public var snapshotCount = 0
  }

  /// - Parameters:
  ///   - first: where it starts; nil: where the recording does.
  ///   - last: where it ends; nil: where the recording does.
  ///   - progress: called with the position up to where it was replayed, and the last one; may end it by throwing.
  public func trim(
    from first: PositionExpression?, to last: PositionExpression?, output target: String, force: Bool,
    engine: Machine.Engine = .automatic, progress: PackProgress = { (_, _) throws(Failure) in }
  ) throws -> TrimFigures {
    let lock = try Self.readingLock(path)
    defer { withExtendedLifetime(lock) {} }
    try checkKeepsWhatItReads(target)
    let log = try openLog()
    if let failure = lossFailure(of: log) { throw failure }
    var context = try Timeline.context(of: self, log: log, current: nil)
    let start = try (first ?? .start).resolve(in: context)
    context.current = start
    let last = last ?? .end
    let end = try last.resolve(in: context)
    // Where a log that was cut off ends the replay tells: its last event may be console output, which takes its time.
    let isOpen = !log.isComplete && last == .end
    guard start < end || isOpen else { throw Self.emptyPart(from: start, to: end) }
    let folder = try RecordingFolder(target: target, force: force)
    do {
      let timeline = try Timeline(self, near: .absolute(start), engine: engine)
      try timeline.advance(to: start, end: end, progress)
      let trimming = try Trimming(leaving: timeline, in: folder, until: isOpen ? .max : end)
      try trimming.copyStates { () throws(Failure) in try progress(start, end) }
      var place: VMState?
      if case .snapshot(let name) = last { place = try SnapshotStore(self).load(name).state }
      let manifest = try trimming.finish(at: place) { () throws in
        try timeline.advance(to: isOpen ? nil : end, end: end, progress)
        guard start < timeline.position else { throw Self.emptyPart(from: start, to: timeline.position) }
      }
      if let problem = manifest.findProblem() {
        throw Failure(.damaged, path, "cannot be trimmed: there would be \(problem)", remedy: "record again")
      }
      try HostFiles.replace(folder.workPath + "/" + Self.manifestName, with: Self.encoded(manifest))
      try folder.commit()
      return TrimFigures(
        start: start, end: isOpen ? timeline.position : end, snapshotCount: trimming.kept.count)
    } catch {
      folder.discard()
      if let failure = error as? Failure { throw folder.naming(failure) }
      throw error
    }
  }

  private static func emptyPart(from start: UInt64, to end: UInt64) -> Failure {
    Failure(
      .usage, "--from \(start.grouped)", "does not lie before --to \(end.grouped)",
      remedy: "give a --to that comes later")
  }
}

extension Timeline {
  /// Instructions between two looks at whether it should go on.
  private static let slice: UInt64 = 20_000_000

  /// Goes to `position`, which is before the end of the recording or is its end; nil: to where a log that was cut off ends.
  fileprivate func advance(
    to position: UInt64?, end: UInt64, _ progress: Recording.PackProgress
  ) throws {
    if let position { try approach(position) }
    let goal = position ?? .max
    while self.position < goal {
      try progress(min(self.position, end), end)
      let (next, isOverflow) = self.position.addingReportingOverflow(Self.slice)
      let stop = try run(until: isOverflow ? goal : min(goal, next))
      if position == nil, stop == .incomplete { return }
      guard stop == .position || self.position == goal else {
        throw Failure(
          .damaged, recording.path, "its run is over at position \(self.position.grouped)",
          remedy: "check it with 'rrtool verify'")
      }
    }
  }
}
