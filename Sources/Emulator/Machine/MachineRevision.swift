/// Which of the machines that rrtool has been over time this one is.
///
/// A recording replays on the machine that it was made on. When a mistake of the machine is mended, guests see the difference,
/// so a recording from before would diverge: it says its revision, and gets the machine as it was, mistakes and all. What is new
/// in a revision is listed at its case; the code that acts otherwise for an older one asks for it by name.
public enum MachineRevision: Int, Sendable, Comparable, CaseIterable {
  /// rrtool 0.1: recordings of formats 1 and 2.
  case first = 1
  /// rrtool 0.2: devices, firmware and start held against QEMU's board.
  case second = 2

  /// That of every new run.
  public static let current = MachineRevision.second

  public static func < (one: MachineRevision, other: MachineRevision) -> Bool {
    one.rawValue < other.rawValue
  }
}
