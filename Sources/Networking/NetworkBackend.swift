// SPDX-License-Identifier: Apache-2.0

/// What is at the other end of the wire of a guest's network card. It lives on a thread of its own and never blocks the guest: what it
/// cannot take in time is lost, as on a wire.
public protocol NetworkBackend: AnyObject, Sendable {
  /// Begins to bring frames to the guest, by calling `deliver` from the back end's thread.
  func start(deliver: @escaping @Sendable ([UInt8]) -> Void)
  /// Takes a frame that the guest sent.
  func send(_ frame: [UInt8])
  /// Whether an answer is to be expected: a guest whose idle time is skipped waits for it.
  var isBusy: Bool { get }
  /// What a monitor tells of it, a line each.
  var description: [String] { get }
  /// Ends it, and waits until it has.
  func finish()
}
