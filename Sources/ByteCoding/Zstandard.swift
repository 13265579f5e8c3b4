// SPDX-License-Identifier: Apache-2.0

import CZstd

/// Why data in the format of Zstandard could not be decompressed.
public enum ZstandardError: Error, Equatable, Sendable {
  /// The compressed data ends before its frame does.
  case truncated
  /// The data unpacks to more than the caller allows.
  case tooLarge(limit: Int)
  /// The data is not what the format allows; `what` says in what way.
  case damaged(what: String)
}

/// Decompression with libzstd (RFC 8878).
public enum Zstandard {
  /// The first bytes of a frame.
  public static let magic: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd]

  /// The largest window that a frame may ask for, a power of two. It is memory besides the output's, and asked for by a
  /// stranger; compressors take no more than this unless they are told to, and Linux's build tells them so (`zstd --ultra`).
  static let windowLog: Int32 = 27

  /// What the first frame of `input` unpacks to, at most `maximumSize` bytes. Bytes behind the frame are ignored.
  public static func decompress(_ input: ArraySlice<UInt8>, maximumSize: Int) throws(ZstandardError)
    -> [UInt8]
  {
    precondition(maximumSize >= 0)
    guard let stream = ZSTD_createDStream() else { throw .damaged(what: "no memory to unpack it") }
    defer { ZSTD_freeDStream(stream) }
    ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, windowLog)
    // The output grows as data comes: what a frame says of its size is a stranger's word.
    var output: [UInt8] = []
    let piece = Int(ZSTD_DStreamOutSize())
    let result = input.withUnsafeBytes { bytes -> Result<Void, ZstandardError> in
      var source = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
      while true {
        var count = 0
        var left = 0
        let consumed = source.pos
        let part = [UInt8](unsafeUninitializedCapacity: piece) { buffer, initialized in
          var target = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
          left = ZSTD_decompressStream(stream, &target, &source)
          count = target.pos
          initialized = count
        }
        if ZSTD_isError(left) != 0 {
          return .failure(.damaged(what: String(cString: ZSTD_getErrorName(left))))
        }
        guard count <= maximumSize - output.count else { return .failure(.tooLarge(limit: maximumSize)) }
        output += part
        if left == 0 { return .success(()) }
        // Neither went on: the library wants bytes that are not there.
        if count == 0, source.pos == consumed { return .failure(.truncated) }
      }
    }
    try result.get()
    return output
  }

  /// Fills `output` exactly from the first frame of `input`. Bytes behind the frame are ignored.
  public static func decompress(
    _ input: UnsafeRawBufferPointer, filling output: UnsafeMutableRawBufferPointer
  ) throws(ZstandardError) {
    // At once and not as a stream: a stream would get the window that the frame asks for.
    let frame = ZSTD_findFrameCompressedSize(input.baseAddress, input.count)
    if ZSTD_isError(frame) != 0 { throw .damaged(what: String(cString: ZSTD_getErrorName(frame))) }
    let count = ZSTD_decompress(output.baseAddress, output.count, input.baseAddress, frame)
    if ZSTD_isError(count) != 0 { throw .damaged(what: String(cString: ZSTD_getErrorName(count))) }
    guard count == output.count else { throw .truncated }
  }
}
