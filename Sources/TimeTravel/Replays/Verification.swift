// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Emulator
import Execution
import HostSystem
import RecordingStore
import ReplayLog

/// The check of a whole recording: its files, every snapshot, and a replay that passes by each of them.
///
/// It goes on after something was found wrong, as far as the rest can be looked at without it.
public struct Verification: Sendable {
  public private(set) var recording: Recording
  /// What is wrong, in the order in which it was found.
  public private(set) var problems: [Failure] = []
  /// Where the replay did something else.
  public private(set) var divergence: Divergence?
  /// What does no harm and should be known.
  public private(set) var remarks: [String] = []
  public private(set) var snapshotCount = 0
  /// Up to where it was replayed; nil: not at all.
  public private(set) var position: UInt64?
  /// Whether the log has the whole run.
  public private(set) var isComplete = true
  /// Whether its recorder was at work when the check began: then it is checked up to where it was.
  public private(set) var isBeingMade = false

  /// Whether it was given up before all was looked at.
  public private(set) var isCutShort = false

  public var isGood: Bool { problems.isEmpty && divergence == nil }

  public init(_ recording: Recording) { self.recording = recording }

  /// What a snapshot says of the machine, to be compared with the replay that comes there.
  private struct Place {
    var snapshot: Snapshot
    var digests: [UInt64]
  }

  /// - Parameters:
  ///   - quickly: looks at the files alone: nothing is loaded and nothing is replayed.
  ///   - isOver: asked now and then whether to give up.
  ///   - progress: called now and then with the replay's position and its end.
  public mutating func run(
    quickly: Bool, isOver: () -> Bool = { false }, progress: (UInt64, UInt64) -> Void = { _, _ in }
  ) {
    isBeingMade = Recording.isBeingMade(at: recording.path)
    var log: ReplayLogReader?
    attempt { (check) throws(Failure) in log = try check.checkLog() }
    attempt { (check) throws(Failure) in try check.checkImages() }
    attempt { (check) throws(Failure) in
      try BaseImages.check(check.recording, everything: !quickly)
    }
    // All that is over it would only say so again.
    if BaseImages.loss(of: recording) != nil { return }
    var snapshots: [Snapshot] = []
    attempt { (check) throws(Failure) in snapshots = try check.checkSnapshotList() }
    snapshotCount = snapshots.count
    guard let log else { return }
    var places: [Place] = []
    for snapshot in snapshots where snapshot.isComplete {
      if isOver() {
        isCutShort = true
        return
      }
      attempt { (check) throws(Failure) in
        if quickly {
          let store = SnapshotStore(check.recording)
          do throws(Failure) {
            _ = try store.load(snapshot.name)
          } catch {
            // Its recorder may have given it up meanwhile.
            if try store.list().contains(where: { $0.name == snapshot.name }) { throw error }
            check.snapshotCount -= 1
          }
        } else {
          places.append(try check.load(snapshot, log))
        }
      }
    }
    guard !quickly, snapshots.contains(where: { $0.isInitial }) else { return }
    replay(past: places, isOver, progress)
  }

  /// What a look has found before it failed counts as well, of the last look.
  private mutating func attempt(_ body: (inout Verification) throws(Failure) -> Void) {
    let before = self
    var after = self
    do throws(Failure) {
      try recording.lookingAgain { (recording) throws(Failure) in
        after = before
        after.recording = recording
        try body(&after)
      }
      self = after
    } catch {
      self = after
      note(error)
    }
  }

  /// The same thing is often found in several ways.
  private mutating func note(_ failure: Failure) {
    if !problems.contains(failure) { problems.append(failure) }
  }

  // MARK: Files

  /// Every event of the log, and whether it has the whole run.
  private mutating func checkLog() throws(Failure) -> ReplayLogReader {
    let log = try recording.openLog()
    isComplete = log.isComplete
    if let failure = recording.lossFailure(of: log) { note(failure) }
    return try recording.readWholeLog()
  }

  /// That the reference counts of the images are right. A drive's image outside of the folder is the user's own, who may write to it.
  private mutating func checkImages() throws(Failure) {
    // Its recorder changes them while it lives.
    guard !Recording.isBeingMade(at: recording.path) else {
      return remarks.append("is being made: its images are not checked")
    }
    for name in [Recording.memoryName] + recording.manifest.drives.compactMap(\.overlay) {
      attempt { (check) throws(Failure) in
        let path = check.recording.file(name)
        let report = try withImageFailures { () throws(DiskImageError) in
          // What lies under it has no part in its counts.
          try ImageOpener { _ in .none }.openQcow2(path, readOnly: true).check()
        }
        guard let first = report.corruptions.first else { return }
        throw Failure(.damaged, path, "damaged image: \(first)", remedy: "restore it from a copy")
      }
    }
  }

  private mutating func checkSnapshotList() throws(Failure) -> [Snapshot] {
    let store = SnapshotStore(recording)
    let isBeingMade = Recording.isBeingMade(at: recording.path)
    // A snapshot that is being made is in a drive first.
    for orphan in isBeingMade ? [] : try store.orphans() {
      remarks.append(
        "snapshot '\(orphan)' was left over in a drive when something broke off; it does no harm")
    }
    let snapshots = try store.list()
    for snapshot in snapshots where !snapshot.isComplete {
      let failure = Failure(
        .damaged, recording.path, "a drive lacks snapshot '\(snapshot.name)'",
        remedy: "delete it with 'rrtool snapshot delete \(snapshot.name)', or put the drive's overlay back")
      // It may have been given up between two looks.
      if isBeingMade { throw failure }
      note(failure)
    }
    return snapshots
  }

  // MARK: Snapshots

  /// Loads all of a snapshot, which compares memory and machine with their digests, and reads what its drives hold.
  private func load(_ snapshot: Snapshot, _ log: ReplayLogReader) throws(Failure) -> Place {
    let session = try ReplaySession(
      recording, log: log, snapshot: snapshot.name, console: NullConsoleOutput(), engine: .interpreter,
      checkpoints: nil)
    try withImageFailures { () throws(DiskImageError) in
      for disk in session.disks {
        guard let image = disk.base as? Qcow2Snapshot else { continue }
        for change in try image.changes {
          for offset in stride(from: change.offset, to: change.offset + change.count, by: Self.pieceSize) {
            _ = try image.read(at: offset, count: min(Self.pieceSize, change.offset + change.count - offset))
          }
        }
      }
    }
    return Place(snapshot: snapshot, digests: session.machine.digests())
  }

  private static let pieceSize = 1 << 20

  // MARK: The replay

  /// Instructions between two looks at whether to give up: some tens of milliseconds' worth.
  private static let slice: UInt64 = 20_000_000

  private mutating func replay(
    past places: [Place], _ isOver: () -> Bool, _ progress: (UInt64, UInt64) -> Void
  ) {
    do {
      let timeline = try Timeline(recording)
      let end = timeline.end.position
      position = timeline.position
      defer { position = timeline.position }
      for place in places.sorted(by: { $0.snapshot.moment < $1.snapshot.moment }) {
        let goal = place.snapshot.moment.position
        guard goal >= timeline.position, goal <= end else { continue }
        guard try go(timeline, to: goal, isOver, progress) == .position else { break }
        if isCutShort { return }
        try compare(place, timeline)
      }
      if isCutShort { return }
      if try go(timeline, to: .max, isOver, progress) == .incomplete { isComplete = false }
    } catch ReplayError.diverged(let found) {
      divergence = found
    } catch ReplayError.failed(let failure) {
      note(failure)
    } catch let failure as Failure {
      note(failure)
    } catch {
      preconditionFailure("a replay throws failures and divergences: \(error)")
    }
  }

  private mutating func go(
    _ timeline: Timeline, to goal: UInt64, _ isOver: () -> Bool, _ progress: (UInt64, UInt64) -> Void
  ) throws(ReplayError) -> Timeline.Stop {
    let end = timeline.end.position
    while true {
      if isOver() {
        isCutShort = true
        return .position
      }
      let (sliceEnd, isTooFar) = timeline.position.addingReportingOverflow(Self.slice)
      let stop = try timeline.run(until: isTooFar ? goal : min(goal, sliceEnd)) { progress($0, end) }
      if stop != .position || timeline.position >= goal { return stop }
    }
  }

  /// Compares a snapshot with the replay at its place.
  private mutating func compare(_ place: Place, _ timeline: Timeline) throws(Failure) {
    let name = place.snapshot.name
    // One that was made in the middle of a position, while the run was paused there, is of a later moment.
    guard timeline.now == place.snapshot.moment else { return }
    let machine = timeline.machine
    let differing = zip(machine.digestNames, zip(machine.digests(), place.digests)).filter { $1.0 != $1.1 }
    if !differing.isEmpty {
      note(
        Failure(
          .damaged, recording.memoryPath,
          "snapshot \(name) is not what the replay has there: \(differing.map(\.0).joined(separator: ", ")) differs",
          remedy: "delete it with 'rrtool snapshot delete \(name)'"))
    }
    let digests = try recording.baseDigests()
    for (index, disk) in timeline.session.disks.enumerated() {
      let drive = recording.manifest.drives[index]
      guard let overlay = drive.overlay else { continue }
      let saved = try ReplayedDrive(index, of: recording, at: name, digests).scratch
      let isEqual = try withImageFailures { () throws(DiskImageError) in try Self.isEqual(saved, disk) }
      if !isEqual {
        note(
          Failure(
            .damaged, recording.file(overlay), "snapshot \(name) is not what the replay has there",
            remedy: "delete it with 'rrtool snapshot delete \(name)'"))
      }
    }
  }

  /// Whether two overlays over the same bases hold the same bytes: wherever one of them has any of its own.
  private static func isEqual(_ first: ScratchOverlay, _ second: ScratchOverlay) throws(DiskImageError)
    -> Bool
  {
    for disk in [first, second] {
      let saved = try (disk.base as? Qcow2Snapshot)?.changes ?? []
      for change in saved + disk.changes {
        for offset in stride(from: change.offset, to: change.offset + change.count, by: pieceSize) {
          let count = min(pieceSize, change.offset + change.count - offset)
          if try first.read(at: offset, count: count) != second.read(at: offset, count: count) {
            return false
          }
        }
      }
    }
    return true
  }
}
