// SPDX-License-Identifier: Apache-2.0

/// Frames in a stream of bytes as QEMU puts them there: before each one its length, four bytes, the highest first.
package struct StreamFraming {
  /// The longest frame that QEMU sends.
  static let frameLimit = 69_632
  private static let headSize = 4

  private var pending: [UInt8] = []

  package init() {}

  /// What comes before a frame.
  package static func head(of frame: [UInt8]) -> [UInt8] {
    let count = UInt32(frame.count)
    return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> UInt32($0)) }
  }

  /// The frames that are whole now; nil when the stream says a length that no frame has: nothing that follows can be read.
  package mutating func take(_ bytes: ArraySlice<UInt8>) -> [[UInt8]]? {
    pending += bytes
    var frames: [[UInt8]] = []
    var start = 0
    while pending.count - start >= Self.headSize {
      let count = pending[start..<start + Self.headSize].reduce(0) { $0 << 8 | Int($1) }
      guard count <= Self.frameLimit else { return nil }
      let end = start + Self.headSize + count
      guard end <= pending.count else { break }
      frames.append(Array(pending[start + Self.headSize..<end]))
      start = end
    }
    pending.removeFirst(start)
    return frames
  }
}
