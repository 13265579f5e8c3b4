// SPDX-License-Identifier: Apache-2.0

/// The bytes that a 16550A has received and the guest has not read.
///
/// An object whose bytes lie within it, because guests ask whether there are any at each byte that they send.
final class ReceiveFIFO {
  static let size = 16

  private var bytes = InlineArray<16, UInt8>(repeating: 0)
  private var head = 0
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }
  /// Oldest first.
  var contents: [UInt8] { (0..<count).map { bytes[(head + $0) % Self.size] } }

  /// There must be room.
  func append(_ byte: UInt8) {
    precondition(count < Self.size)
    bytes[(head + count) % Self.size] = byte
    count += 1
  }

  func popFirst() -> UInt8? {
    guard count > 0 else { return nil }
    defer {
      head = (head + 1) % Self.size
      count -= 1
    }
    return bytes[head]
  }

  func removeAll() { count = 0 }
}
