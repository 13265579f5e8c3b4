// SPDX-License-Identifier: Apache-2.0

import CZlib

/// Why data could not be decompressed.
public enum ZlibError: Error, Equatable, Sendable {
  /// The compressed data ends before its own end mark.
  case truncated
  /// The data unpacks to more than the caller allows.
  case tooLarge(limit: Int)
  /// The data is not what the format allows; `what` says in what way.
  case damaged(what: String)
}

/// One-shot compression and decompression with zlib.
///
/// `windowBits` is zlib's own: -8 to -15 is a raw deflate stream, 8 to 15 a zlib stream, 24 to 31 a gzip member; the
/// size of the window is two to the power of its absolute value (less 16 for gzip).
public enum Zlib {
  /// A raw deflate stream with the largest window.
  public static let raw: Int32 = -15
  /// A gzip member with the largest window.
  public static let gzip: Int32 = 31

  /// `input` compressed. Level 1 is the fastest, 9 the smallest, 0 stores.
  public static func deflate(_ input: UnsafeRawBufferPointer, level: Int32 = 6, windowBits: Int32 = raw)
    -> [UInt8]
  {
    let stream = start(level: level, windowBits: windowBits)
    defer { end(stream) }
    // The bound is meant to hold for a single call; zlib breaks that promise for some small windows.
    var limit = Int(deflateBound(stream, UInt(input.count)))
    while true {
      if let output = deflate(input, with: stream, limit: limit) { return output }
      deflateReset(stream)
      limit *= 2
    }
  }

  public static func deflate(_ input: [UInt8], level: Int32 = 6, windowBits: Int32 = raw) -> [UInt8] {
    input.withUnsafeBytes { deflate($0, level: level, windowBits: windowBits) }
  }

  /// `input` compressed, or nil when that takes more than `limit` bytes.
  public static func deflate(
    _ input: UnsafeRawBufferPointer, limit: Int, level: Int32 = 6, windowBits: Int32 = raw
  ) -> [UInt8]? {
    let stream = start(level: level, windowBits: windowBits)
    defer { end(stream) }
    return deflate(input, with: stream, limit: limit)
  }

  /// What `input` unpacks to, at most `maximumSize` bytes. Bytes after the stream's end are ignored, or, if the stream
  /// must be all of the input (`wholly`), damage.
  public static func inflate(
    _ input: UnsafeRawBufferPointer, maximumSize: Int, windowBits: Int32 = raw, wholly: Bool = false
  ) throws(ZlibError) -> [UInt8] {
    precondition(maximumSize >= 0)
    // The buffer grows as data comes, so that a small damaged input cannot claim a large allocation.
    var capacity = min(maximumSize, max(input.count, 1 << 14) * 4)
    while true {
      var count = 0
      var outcome = Outcome.truncated
      let output = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initialized in
        outcome = inflate(
          input, into: UnsafeMutableRawBufferPointer(buffer), windowBits: windowBits, count: &count)
        initialized = count
      }
      switch outcome {
      case .finished(let unused):
        guard !wholly || unused == 0 else {
          throw .damaged(what: "its compressed data ends \(unused) bytes early")
        }
        return output
      case .truncated: throw .truncated
      case .damaged(let what): throw .damaged(what: what)
      case .outputFull:
        guard capacity < maximumSize else { throw .tooLarge(limit: maximumSize) }
        capacity = min(maximumSize, capacity * 4)
      }
    }
  }

  public static func inflate(
    _ input: ArraySlice<UInt8>, maximumSize: Int, windowBits: Int32 = raw, wholly: Bool = false
  ) throws(ZlibError) -> [UInt8] {
    let result = input.withUnsafeBytes { bytes -> Result<[UInt8], ZlibError> in
      Result { () throws(ZlibError) in
        try inflate(bytes, maximumSize: maximumSize, windowBits: windowBits, wholly: wholly)
      }
    }
    return try result.get()
  }

  public static func inflate(
    _ input: [UInt8], maximumSize: Int, windowBits: Int32 = raw, wholly: Bool = false
  ) throws(ZlibError) -> [UInt8] {
    try inflate(input[...], maximumSize: maximumSize, windowBits: windowBits, wholly: wholly)
  }

  /// Fills `output` exactly from the start of `input`. The stream may hold more than that and need not end.
  public static func inflate(
    _ input: UnsafeRawBufferPointer, filling output: UnsafeMutableRawBufferPointer, windowBits: Int32 = raw
  ) throws(ZlibError) {
    var count = 0
    let outcome = inflate(input, into: output, windowBits: windowBits, count: &count)
    if case .damaged(let what) = outcome { throw .damaged(what: what) }
    guard count == output.count else { throw .truncated }
  }

  /// The CRC-32 of gzip and zip over `bytes`, going on from `crc`, the value for the bytes before them.
  public static func crc32(_ bytes: UnsafeRawBufferPointer, continuing crc: UInt32 = 0) -> UInt32 {
    // Given no address, zlib would start anew instead of going on.
    guard let start = bytes.baseAddress else { return crc }
    return UInt32(
      truncatingIfNeeded: crc32_z(UInt(crc), start.assumingMemoryBound(to: UInt8.self), bytes.count))
  }

  public static func crc32(_ bytes: [UInt8], continuing crc: UInt32 = 0) -> UInt32 {
    bytes.withUnsafeBytes { crc32($0, continuing: crc) }
  }

  private enum Outcome {
    /// The stream's end was met, with so many bytes of input after it.
    case finished(unused: Int)
    case outputFull
    case truncated
    case damaged(String)
  }

  /// A compressor, for `end` to release. zlib keeps its address from call to call and refuses one that has moved: it
  /// stands on the heap, where a variable's address is good for one call only.
  static func start(level: Int32, windowBits: Int32) -> UnsafeMutablePointer<z_stream> {
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let status = deflateInit2_(
      stream, level, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    precondition(status == Z_OK, "deflate refuses level \(level) with window bits \(windowBits)")
    return stream
  }

  static func end(_ stream: UnsafeMutablePointer<z_stream>) {
    deflateEnd(stream)
    stream.deallocate()
  }

  static func deflate(
    _ input: UnsafeRawBufferPointer, with stream: UnsafeMutablePointer<z_stream>, limit: Int
  ) -> [UInt8]? {
    precondition(
      input.count <= Int(UInt32.max) && limit < Int(UInt32.max), "one-shot compression is limited to 4 GiB")
    var finished = false
    // zlib reports the end of the stream only while there is room left.
    let capacity = limit + 1
    let output = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initialized in
      // zlib reads through next_in and never writes there; its type lacks const only for old compilers.
      stream.pointee.next_in = UnsafeMutablePointer(
        mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
      stream.pointee.avail_in = UInt32(input.count)
      stream.pointee.next_out = buffer.baseAddress
      stream.pointee.avail_out = UInt32(capacity)
      finished = CZlib.deflate(stream, Z_FINISH) == Z_STREAM_END
      initialized = capacity - Int(stream.pointee.avail_out)
    }
    return finished && output.count <= limit ? output : nil
  }

  private static func inflate(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, windowBits: Int32,
    count: inout Int
  ) -> Outcome {
    precondition(
      input.count <= Int(UInt32.max) && output.count <= Int(UInt32.max),
      "one-shot decompression is limited to 4 GiB")
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    defer { stream.deallocate() }
    let status = inflateInit2_(stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    precondition(status == Z_OK, "inflate refuses window bits \(windowBits)")
    defer { inflateEnd(stream) }
    // An empty output still needs an address for zlib to look at the stream's end.
    var nowhere: UInt8 = 0
    return withUnsafeMutablePointer(to: &nowhere) { spare in
      stream.pointee.next_in = UnsafeMutablePointer(
        mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
      stream.pointee.avail_in = UInt32(input.count)
      stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? spare
      stream.pointee.avail_out = UInt32(output.count)
      let status = CZlib.inflate(stream, Z_FINISH)
      count = output.count - Int(stream.pointee.avail_out)
      switch status {
      case Z_STREAM_END: return .finished(unused: Int(stream.pointee.avail_in))
      case Z_OK, Z_BUF_ERROR: return stream.pointee.avail_out == 0 ? .outputFull : .truncated
      case Z_NEED_DICT: return .damaged("it needs a preset dictionary")
      case Z_MEM_ERROR: return .damaged("it needs more memory than there is")
      default: return .damaged(stream.pointee.msg.map { String(cString: $0) } ?? "zlib status \(status)")
      }
    }
  }
}
