// SPDX-License-Identifier: Apache-2.0

import Emulator
import HostSystem

/// When a recorder makes snapshots by itself, and how much of them it keeps.
///
/// They are made where the state is digested anyway, at the first such place at least the spacing after the one before,
/// and later when the one before is still being written.
public struct SnapshotPolicy: Equatable, Sendable {
  public enum Spacing: Equatable, Sendable {
    case never
    case instructions(UInt64)
    /// Guest time in nanoseconds, idle time included.
    case guestTime(UInt64)
  }

  /// A replay executes so many in a third of a second.
  public static let defaultSpacing = Spacing.instructions(400_000_000)
  public static let defaultCountLimit = 64
  public static let defaultByteLimit: UInt64 = 1 << 30

  public var spacing = defaultSpacing
  /// The most automatic snapshots that are kept.
  public var countLimit = defaultCountLimit
  /// Bytes that all snapshots may take, memory and drives together. The newest one stays in any case.
  public var byteLimit = defaultByteLimit
  /// `--ring`: bytes that the recording may take. When it would take more, its oldest part is given up.
  public var ringByteLimit: UInt64?
  /// For tests: the guest waits while a snapshot is written, so that none is put off.
  package var waitsForEach = false

  public init() {}

  /// No automatic snapshots.
  public static let none: SnapshotPolicy = {
    var policy = SnapshotPolicy()
    policy.spacing = .never
    return policy
  }()

  /// The instructions between two digests for this policy: as many as asked for, fewer when snapshots are to be closer.
  package func digestInterval(asked: UInt64, shift: Int) -> UInt64 {
    switch spacing {
    case .never: asked
    case .instructions(let count): max(1, min(asked, count))
    case .guestTime(let nanoseconds): max(1, min(asked, nanoseconds >> UInt64(shift)))
    }
  }

  /// Whether a snapshot is to be made at `now` when the one before was made at `last`.
  package func isDue(at now: Moment, after last: Moment) -> Bool {
    switch spacing {
    case .never: false
    case .instructions(let count): now.position - last.position >= count
    case .guestTime(let nanoseconds): now.time - last.time >= nanoseconds
    }
  }

  /// Which of the automatic snapshots at `positions` (ascending) to give up so that the rest is spread most evenly: the
  /// one whose neighbours are closest together, the oldest of such. Never the newest; nil when there is no other.
  ///
  /// `start` is where the recording starts, which counts as the first one's neighbour.
  package static func leastMissed(of positions: [UInt64], start: UInt64) -> Int? {
    guard positions.count > 1 else { return nil }
    var best = 0
    var bestGap = UInt64.max
    for index in 0..<positions.count - 1 {
      let gap = positions[index + 1] - (index == 0 ? start : positions[index - 1])
      if gap < bestGap { (best, bestGap) = (index, gap) }
    }
    return best
  }

  /// Checks what the options ask for together.
  package func check(startName: String?, recordsInto: Bool) throws(Failure) {
    guard let ringByteLimit else { return }
    func refuse(_ problem: String, _ remedy: String) -> Failure {
      Failure(.usage, "--ring \(ringByteLimit)", problem, remedy: remedy)
    }
    if spacing == .never {
      throw refuse("needs snapshots to start from", "leave out --snapshot-every off")
    }
    if recordsInto {
      throw refuse("cannot give up the start of a drive with overlay=none", "leave out overlay=none")
    }
    if startName != nil {
      throw refuse("gives up the start, which rrsnapshot names", "leave out rrsnapshot")
    }
  }

  // MARK: Names

  private static let namePrefix = "auto-"

  /// "auto-000123456789", after the position.
  package static func name(at position: UInt64) -> String {
    let digits = String(position)
    return namePrefix + String(repeating: "0", count: max(0, 12 - digits.count)) + digits
  }

  /// Whether a name is one of those; users cannot give them.
  package static func isAutomaticName(_ name: String) -> Bool {
    name.hasPrefix(namePrefix) && name.count > namePrefix.count
      && name.utf8.dropFirst(namePrefix.utf8.count).allSatisfy { (0x30...0x39).contains($0) }
  }
}

extension SnapshotPolicy.Spacing {
  /// Reads `--snapshot-every`: instructions (`500_000_000`, `500M`), guest time (`500ms`, `2s`), `off` or `0`.
  public init(parsing text: String) throws(Failure) {
    func refuse() -> Failure {
      Failure(
        .usage, "--snapshot-every \(text)", "is neither a number of instructions nor a time",
        remedy: "give one such as 500_000_000 or 500M, 500ms or 2s, or off")
    }
    if text == "off" {
      self = .never
      return
    }
    for (unit, nanoseconds) in [("ms", 1_000_000), ("s", 1_000_000_000)] as [(String, UInt64)]
    where text.hasSuffix(unit) {
      guard case .absolute(let count)? = PositionExpression(String(text.dropLast(unit.count))) else {
        throw refuse()
      }
      let (time, isTooLong) = count.multipliedReportingOverflow(by: nanoseconds)
      guard !isTooLong else { throw refuse() }
      self = time == 0 ? .never : .guestTime(time)
      return
    }
    guard let count = PositionExpression.count(text[...]) else { throw refuse() }
    self = count == 0 ? .never : .instructions(count)
  }
}
