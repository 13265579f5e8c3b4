// SPDX-License-Identifier: Apache-2.0

/// Console output that waits for its line's end.
///
/// A guest may write tens of millions of bytes, each of which comes by itself: they lie within this object, where adding one is a
/// plain store.
final class ConsoleLine {
  /// Bytes after which a line that has not ended is handed on in pieces.
  private static let limit = 4096

  private var bytes = InlineArray<4096, UInt8>(repeating: 0)
  private var count = 0

  var isEmpty: Bool { count == 0 }

  /// Whether it is to be handed on now: the line has ended, or there is no room for more.
  func append(_ byte: UInt8) -> Bool {
    bytes[count] = byte
    count += 1
    return byte == UInt8(ascii: "\n") || count == Self.limit
  }

  func take() -> [UInt8] {
    defer { count = 0 }
    return (0..<count).map { bytes[$0] }
  }
}
