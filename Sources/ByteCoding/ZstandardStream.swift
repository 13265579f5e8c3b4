// SPDX-License-Identifier: Apache-2.0

import CZstd

/// Compression to a frame of Zstandard (RFC 8878) in pieces, with a checksum at its end. Memory is bounded, whatever the size.
public final class ZstandardCompressor {
  // Made by libzstd, used by nobody else, and freed once.
  private let context: OpaquePointer

  public init(level: Int32 = 3) throws(ZstandardError) {
    guard let context = ZSTD_createCCtx() else { throw .damaged(what: "no memory to pack it") }
    self.context = context
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
  }

  deinit { ZSTD_freeCCtx(context) }

  /// Takes bytes from `input` and puts bytes into `output` as far as both go. With `isLast`, `input` and what follows from it is the
  /// end of the data: it is over when all of that is out.
  public func step(
    _ input: UnsafeRawBufferPointer, isLast: Bool, into output: UnsafeMutableRawBufferPointer
  ) throws(ZstandardError) -> (taken: Int, given: Int, isOver: Bool) {
    var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
    var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
    let left = ZSTD_compressStream2(context, &target, &source, isLast ? ZSTD_e_end : ZSTD_e_continue)
    if ZSTD_isError(left) != 0 { throw .damaged(what: String(cString: ZSTD_getErrorName(left))) }
    return (source.pos, target.pos, isLast && left == 0)
  }
}

/// The reverse, of one frame.
public final class ZstandardDecompressor {
  // As above.
  private let context: OpaquePointer

  public init() throws(ZstandardError) {
    guard let context = ZSTD_createDCtx() else { throw .damaged(what: "no memory to unpack it") }
    self.context = context
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Zstandard.windowLog)
  }

  deinit { ZSTD_freeDCtx(context) }

  /// Takes bytes from `input` and puts bytes into `output` as far as both go; whether the frame is over, and right.
  public func step(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(ZstandardError) -> (taken: Int, given: Int, isOver: Bool) {
    var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
    var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
    let left = ZSTD_decompressStream(context, &target, &source)
    if ZSTD_isError(left) != 0 { throw .damaged(what: String(cString: ZSTD_getErrorName(left))) }
    return (source.pos, target.pos, left == 0)
  }
}
