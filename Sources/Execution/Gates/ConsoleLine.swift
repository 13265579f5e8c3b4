// SPDX-License-Identifier: Apache-2.0

/// Console output that waits to be handed on with more of it.
///
/// A guest may write tens of millions of bytes, each of which comes by itself: they lie within this object, where adding one is a
/// plain store.
final class ConsoleLine {
  /// Bytes that are handed on together at most.
  private static let limit = 4096

  private var bytes = InlineArray<4096, UInt8>(repeating: 0)
  private var count = 0

  var isEmpty: Bool { count == 0 }
  /// There is no room for more.
  var isFull: Bool { count == Self.limit }
  /// The last byte ends a line.
  var isWhole: Bool { count > 0 && bytes[count - 1] == UInt8(ascii: "\n") }

  /// Not to be called when it is full.
  func append(_ byte: UInt8) {
    bytes[count] = byte
    count += 1
  }

  func take() -> [UInt8] {
    defer { count = 0 }
    return (0..<count).map { bytes[$0] }
  }
}
