// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// How the compressed clusters of an image are packed: one way for all of an image. The numbers are the header's.
enum Qcow2Compression: UInt8 {
  /// Raw deflate.
  case zlib = 0
  /// A frame of Zstandard.
  case zstd = 1

  /// Fills `output`, a whole cluster, from the start of `input`; false when that is damaged. Bytes that follow the stream in
  /// its last sector mean nothing.
  func unpack(_ input: UnsafeRawBufferPointer, filling output: UnsafeMutableRawBufferPointer) -> Bool {
    switch self {
    case .zlib:
      do throws(ZlibError) {
        try Zlib.inflate(input, filling: output)
        return true
      } catch {
        return false
      }
    case .zstd:
      do throws(ZstandardError) {
        try Zstandard.decompress(input, filling: output)
        return true
      } catch {
        return false
      }
    }
  }
}
