// SPDX-License-Identifier: Apache-2.0

import CIsal

/// Compresses memory several times faster than zlib's fastest level, to streams that zlib unpacks: ISA-L's igzip.
///
/// Snapshots are compressed while their guest runs, so what counts is the processor time that this takes. Distances reach as far
/// as a window of 4 KiB, which is what readers of compressed qcow2 clusters have.
///
/// Not Sendable: its state and its output are used again by each call.
public final class FastDeflater {
  /// Log₂ of the window's size.
  private static let windowBits: UInt16 = 12
  /// igzip's level; higher ones win less than a hundredth of the size.
  private static let level: UInt32 = 1

  private let stream: UnsafeMutablePointer<isal_zstream>
  private let levelBuffer: UnsafeMutableRawBufferPointer
  private var output: UnsafeMutableRawBufferPointer

  public init() {
    stream = .allocate(capacity: 1)
    stream.initialize(to: isal_zstream())
    levelBuffer = .allocate(byteCount: Int(rrtool_isal_level_1_buffer), alignment: 64)
    levelBuffer.initializeMemory(as: UInt8.self, repeating: 0)
    output = .allocate(byteCount: 0, alignment: 16)
  }

  deinit {
    stream.deallocate()
    levelBuffer.deallocate()
    output.deallocate()
  }

  /// `input` (at most 1 GiB) as a raw deflate stream, or nil when that takes more than `limit` bytes; also, perhaps, when it
  /// takes almost as many.
  public func deflate(_ input: UnsafeRawBufferPointer, limit: Int) -> [UInt8]? {
    precondition(input.count <= 1 << 30, "one-shot compression is limited to 1 GiB")
    guard limit > 0, let start = input.baseAddress else { return nil }
    if output.count < limit {
      output.deallocate()
      output = .allocate(byteCount: limit, alignment: 16)
    }
    isal_deflate_stateless_init(stream)
    stream.pointee.hist_bits = Self.windowBits
    stream.pointee.level = Self.level
    stream.pointee.level_buf = levelBuffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.level_buf_size = UInt32(levelBuffer.count)
    stream.pointee.end_of_stream = 1
    // It only reads them; its declaration is of a time before `const`.
    stream.pointee.next_in = UnsafeMutablePointer(mutating: start.assumingMemoryBound(to: UInt8.self))
    stream.pointee.avail_in = UInt32(input.count)
    stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = UInt32(min(limit, 1 << 30))
    guard isal_deflate_stateless(stream) == COMP_OK else { return nil }
    return [UInt8](output[..<Int(stream.pointee.total_out)])
  }
}
