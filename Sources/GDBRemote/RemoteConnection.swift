// SPDX-License-Identifier: Apache-2.0

/// The way to a client, whatever it is made of.
public protocol RemoteConnection: AnyObject {
  /// Waits for bytes; none at the end of the connection.
  func read() -> [UInt8]
  /// The bytes that have come already; nil at the end of the connection.
  func readAvailable() -> [UInt8]?
  /// Lets the client know, if it has been waiting for a while, that its answer is still to come.
  func showLife()
  /// Sends all of `bytes`. When the client is gone they are lost, and reading tells the end.
  func write(_ bytes: [UInt8])
}

extension RemoteConnection {
  public func showLife() {}
}
