// SPDX-License-Identifier: Apache-2.0

/// Somebody who may have the machine of a live run to himself between two instructions, look at it on its way, and have it go on.
/// On the machine's thread, all of it.
package protocol RunVisitor: AnyObject {
  /// Whether it wants the machine now. Another thread that changes it nudges the inbox.
  var isWaiting: Bool { get }
  /// The position at which it looks at the machine next, after `position`.
  func nextLook(after position: UInt64) -> UInt64
  /// The machine has come to a position, before what belongs to it, or was stopped in between.
  func look()
  /// Has the machine to itself until it comes back, by which it stands where the run has come to. `loop` has it go on
  /// meanwhile.
  func visit(_ loop: LiveLoop)
}
