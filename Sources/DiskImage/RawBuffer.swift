// SPDX-License-Identifier: Apache-2.0

/// Memory of a fixed size, zeroed, freed with its owner. Its address never changes.
final class RawBuffer {
  let bytes: UnsafeMutableRawBufferPointer

  init(count: Int) {
    bytes = .allocate(byteCount: count, alignment: 16)
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
  }

  convenience init(copying array: [UInt8]) {
    self.init(count: array.count)
    bytes.copyBytes(from: array)
  }

  deinit { bytes.deallocate() }
}

extension UnsafeRawBufferPointer {
  /// Whether every byte is zero.
  var isZero: Bool {
    var offset = 0
    while offset + 32 <= count {
      let a = loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      let b = loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)
      let c = loadUnaligned(fromByteOffset: offset + 16, as: UInt64.self)
      let d = loadUnaligned(fromByteOffset: offset + 24, as: UInt64.self)
      if a | b | c | d != 0 { return false }
      offset += 32
    }
    while offset < count {
      if self[offset] != 0 { return false }
      offset += 1
    }
    return true
  }

  func slice(_ offset: Int, _ count: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: self[offset..<offset + count])
  }
}

extension UnsafeMutableRawBufferPointer {
  func slice(_ offset: Int, _ count: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: self[offset..<offset + count])
  }

  func zero() { initializeMemory(as: UInt8.self, repeating: 0) }
}
