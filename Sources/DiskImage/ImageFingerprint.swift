// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// What tells whether an image file is still the same: its size and a digest of its bytes.
///
/// The digest is of the file as it lies on the disk, not of what a guest sees in it. docs/formats/digests.md defines it.
public struct ImageFingerprint: Codable, Equatable, Sendable {
  /// The file's size in bytes.
  public let size: Int
  public let digest: UInt64

  private static let chunkSize = 1 << 20

  public init(size: Int, digest: UInt64) {
    self.size = size
    self.digest = digest
  }

  /// Reads the whole file, except that holes in a sparse file are known to be zeros without reading them.
  public init(of path: String) throws(DiskImageError) {
    let file = try ImageFile(opening: path, readOnly: true)
    let buffer = RawBuffer(count: Self.chunkSize)
    let digestOfZeros = Digest.of(UnsafeRawBufferPointer(buffer.bytes))
    var running: UInt64 = 0
    var offset = 0
    var nextData = file.nextData(from: 0)
    while offset < file.size {
      if nextData < offset { nextData = file.nextData(from: offset) }
      let count = min(Self.chunkSize, file.size - offset)
      if count == Self.chunkSize && nextData >= offset + count {
        running = Self.fold(running, digestOfZeros)
      } else {
        let chunk = buffer.bytes.slice(0, count)
        try file.read(at: offset, into: chunk)
        running = Self.fold(running, Digest.of(UnsafeRawBufferPointer(chunk)))
      }
      offset += count
    }
    size = file.size
    digest = Self.fold(running, UInt64(file.size))
  }

  private static func fold(_ running: UInt64, _ value: UInt64) -> UInt64 {
    var words = (running.littleEndian, value.littleEndian)
    return withUnsafeBytes(of: &words) { Digest.of($0) }
  }

  private enum CodingKeys: String, CodingKey {
    case size
    case digest
  }

  /// The digest is written as 16 hexadecimal digits.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(size, forKey: .size)
    try container.encode(digest.hexadecimal, forKey: .digest)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let text = try container.decode(String.self, forKey: .digest)
    guard text.utf8.count == 16, let digest = UInt64(text, radix: 16) else {
      throw DecodingError.dataCorruptedError(
        forKey: .digest, in: container, debugDescription: "a digest is 16 hexadecimal digits")
    }
    self.init(size: try container.decode(Int.self, forKey: .size), digest: digest)
    guard size >= 0 else {
      throw DecodingError.dataCorruptedError(
        forKey: .size, in: container, debugDescription: "a size below zero")
    }
  }
}
