// SPDX-License-Identifier: Apache-2.0

import CZlib

/// A compressor for many small pieces, each a stream of its own: setting one up costs more than a page.
public final class Compressor {
  private let stream: UnsafeMutablePointer<z_stream>

  /// Level and window as in `Zlib.deflate`.
  public init(level: Int32, windowBits: Int32) {
    stream = Zlib.start(level: level, windowBits: windowBits)
  }

  deinit { Zlib.end(stream) }

  /// `input` compressed, or nil when that takes more than `limit` bytes.
  public func compress(_ input: UnsafeRawBufferPointer, limit: Int) -> [UInt8]? {
    deflateReset(stream)
    return Zlib.deflate(input, with: stream, limit: limit)
  }
}
