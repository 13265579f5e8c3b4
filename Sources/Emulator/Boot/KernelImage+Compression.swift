// SPDX-License-Identifier: Apache-2.0

import ByteCoding

extension KernelImage {
  /// How a kernel is compressed, of the ways that this machine knows.
  enum Compression {
    case gzip
    case zstandard

    /// What a file begins with.
    init?(of file: [UInt8]) {
      if file.starts(with: [0x1f, 0x8b]) {
        self = .gzip
      } else if file.starts(with: Zstandard.magic) {
        self = .zstandard
      } else {
        return nil
      }
    }

    /// As the header of an EFI zboot image names it. Linux names zstd by the level that it compresses with, 22.
    init?(named name: String) {
      switch name {
      case "gzip": self = .gzip
      case "zstd", "zstd22": self = .zstandard
      default: return nil
      }
    }

    func unpack(_ data: ArraySlice<UInt8>, limit: UInt64) throws(ImageFormatError) -> [UInt8] {
      // The decompressors take up to 4 GiB in and out; no kernel comes near that.
      let largest = UInt64(UInt32.max)
      guard UInt64(data.count) <= largest else {
        throw .unsupported(
          what: "\(readableSize(UInt64(data.count))) of compressed data", use: KernelImage.acceptedForms)
      }
      let limit = Int(min(limit, largest))
      switch self {
      case .gzip: return try Self.inflate(data, limit: limit)
      case .zstandard: return try Self.decompress(data, limit: limit)
      }
    }

    private static func inflate(_ data: ArraySlice<UInt8>, limit: Int) throws(ImageFormatError) -> [UInt8] {
      do throws(ZlibError) {
        return try Zlib.inflate(data, maximumSize: limit, windowBits: Zlib.gzip)
      } catch {
        switch error {
        case .truncated: throw .damagedCompression(what: "it ends too early")
        case .damaged(let what): throw .damagedCompression(what: what)
        case .tooLarge(let limit): throw .unpacksBeyond(limit: UInt64(limit))
        }
      }
    }

    private static func decompress(_ data: ArraySlice<UInt8>, limit: Int) throws(ImageFormatError) -> [UInt8]
    {
      do throws(ZstandardError) {
        return try Zstandard.decompress(data, maximumSize: limit)
      } catch {
        switch error {
        case .truncated: throw .damagedCompression(what: "it ends too early")
        case .damaged(let what): throw .damagedCompression(what: what)
        case .tooLarge(let limit): throw .unpacksBeyond(limit: UInt64(limit))
        }
      }
    }
  }
}
