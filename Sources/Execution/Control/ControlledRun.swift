// SPDX-License-Identifier: Apache-2.0

import Emulator
import HostSystem
import RecordingStore

/// A run as those who control it see it. Everything here happens on the machine's thread, between two instructions:
/// within `RunControl.perform`.
package protocol ControlledRun: AnyObject {
  var machine: Machine { get }
  var facts: RunFacts { get }

  /// Hands on what is buffered: the machine will stand still.
  func settle()
  /// Writes a remark into the log, when there is one that is being written.
  func note(_ text: String)

  // MARK: What not every run can do; without an implementation it is refused, with the reason

  /// Where a replay stops next, and where it goes.
  var replay: (any ReplayControl)? { get }
  /// What lets the guest go on elsewhere.
  var migration: (any MigratableRun)? { get }
  /// By network card: what its wire leads to, a line each; none for a replay, which needs none.
  var wires: [[String]] { get }
  /// Presses a button of the machine: an arrival.
  func press(_ button: Arrival) throws(Failure)
  func listSnapshots() throws(Failure) -> [Snapshot]
  /// Saves the machine as it is now. The guest may go on before all is written: see `isSavingSnapshot`.
  func saveSnapshot(_ name: String) throws(Failure)
  var isSavingSnapshot: Bool { get }
  func loadSnapshot(_ name: String) throws(Failure)
  func deleteSnapshot(_ name: String) throws(Failure)
}

/// What only a replay can do.
package protocol ReplayControl: AnyObject {
  /// The last position of the recording.
  var endPosition: UInt64 { get }
  /// Where the replay will stop; nil when nothing was asked for.
  var breakPosition: UInt64? { get }
  func setBreak(at position: UInt64) throws(Failure)
  func deleteBreak() throws(Failure)
  /// Has the replay go to `position`, forward or back, and stop there.
  func seek(to position: UInt64) throws(Failure)
  /// The position that a user's words mean here.
  func resolve(_ expression: PositionExpression) throws(Failure) -> UInt64
}

extension ControlledRun {
  package var replay: (any ReplayControl)? { nil }
  package var migration: (any MigratableRun)? { nil }

  package var wires: [[String]] { [] }
  package func settle() {}
  package func note(_ text: String) {}

  package func listSnapshots() throws(Failure) -> [Snapshot] { throw noSnapshots("has none") }
  package func saveSnapshot(_ name: String) throws(Failure) { throw noSnapshots("has nowhere to keep one") }
  package var isSavingSnapshot: Bool { false }
  package func loadSnapshot(_ name: String) throws(Failure) { throw noSnapshots("has none") }
  package func deleteSnapshot(_ name: String) throws(Failure) { throw noSnapshots("has none") }

  private func noSnapshots(_ what: String) -> Failure {
    Failure(
      .usage, "snapshot", "a run that is not recorded \(what)",
      remedy: "record it with 'rrtool record'; then snapshots are kept in the recording")
  }
}
