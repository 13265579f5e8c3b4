// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import CZstd

/// Small valid boot files, made here byte by byte.
enum BootTestFiles {
  struct Segment {
    var address: UInt64
    var virtualAddress: UInt64?
    var bytes: [UInt8]
    var memorySize: UInt64?
    var type: UInt32 = 1
  }

  static let code: [UInt8] = [0x73, 0x00, 0x50, 0x10, 0x6f, 0x00, 0x00, 0x00]  // wfi; j .

  /// An ELF64 RISC-V executable: header, program headers, segment data, symbol table, names, section headers.
  static func elf(
    segments: [Segment], entry: UInt64, symbols: [(name: String, value: UInt64)] = [],
    isPositionIndependent: Bool = false
  ) -> [UInt8] {
    let tableEnd = 64 + 56 * segments.count
    let dataEnd = segments.reduce(tableEnd) { $0 + $1.bytes.count }
    var names: [UInt8] = [0]
    var table = ByteWriter()
    table.raw(repeatElement(0, count: 24))
    for symbol in symbols {
      table.uint32(UInt32(names.count))
      table.uint16(0x10)
      table.uint16(1)
      table.uint64(symbol.value)
      table.uint64(0)
      names += Array(symbol.name.utf8) + [0]
    }
    let hasSymbols = !symbols.isEmpty
    let namesOffset = dataEnd + table.count
    let sectionsOffset = namesOffset + names.count

    var file = ByteWriter()
    file.raw([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    file.uint16(isPositionIndependent ? 3 : 2)
    file.uint16(243)
    file.uint32(1)
    file.uint64(entry)
    file.uint64(64)
    file.uint64(hasSymbols ? UInt64(sectionsOffset) : 0)
    file.uint32(5)
    file.uint16(64)
    file.uint16(56)
    file.uint16(UInt16(segments.count))
    file.uint16(64)
    file.uint16(hasSymbols ? 3 : 0)
    file.uint16(0)
    var offset = tableEnd
    for segment in segments {
      file.uint32(segment.type)
      file.uint32(7)
      file.uint64(UInt64(offset))
      file.uint64(segment.virtualAddress ?? segment.address)
      file.uint64(segment.address)
      file.uint64(UInt64(segment.bytes.count))
      file.uint64(segment.memorySize ?? UInt64(segment.bytes.count))
      file.uint64(1)
      offset += segment.bytes.count
    }
    for segment in segments { file.raw(segment.bytes) }
    guard hasSymbols else { return file.bytes }
    file.raw(table.bytes)
    file.raw(names)
    section(&file, type: 0, offset: 0, size: 0, link: 0)
    section(&file, type: 2, offset: dataEnd, size: table.count, link: 2)
    section(&file, type: 3, offset: namesOffset, size: names.count, link: 0)
    return file.bytes
  }

  private static func section(_ file: inout ByteWriter, type: UInt32, offset: Int, size: Int, link: UInt32) {
    file.uint32(0)
    file.uint32(type)
    file.uint64(0)
    file.uint64(0)
    file.uint64(UInt64(offset))
    file.uint64(UInt64(size))
    file.uint32(link)
    file.uint32(0)
    file.uint64(0)
    file.uint64(0)
  }

  /// A bare-metal program at the start of RAM with bss and a `tohost`.
  static var program: [UInt8] {
    elf(
      segments: [
        Segment(address: 0x8000_0000, bytes: code),
        Segment(address: 0x8000_1000, bytes: [1, 2, 3, 4], memorySize: 0x800),
      ],
      entry: 0x8000_0004, symbols: [("fromhost", 0x8000_1040), ("tohost", 0x8000_1000)])
  }

  /// A Linux `Image` of `size` bytes; the header states `imageSize`. As an EFI application it begins with "MZ" and has
  /// a PE header with two sections, the second of which ends with the file.
  static func image(
    size: Int = 256, imageSize: UInt64 = 4096, flags: UInt64 = 0, isEFI: Bool = true
  ) -> [UInt8] {
    var file = ByteWriter()
    file.raw(isEFI ? [0x4d, 0x5a, 0x6f, 0x10] : [0x13, 0, 0, 0])
    file.uint32(0x6f)
    file.uint64(0x20_0000)
    file.uint64(imageSize)
    file.uint64(flags)
    file.uint32(2)
    file.uint32(0)
    file.uint64(0)
    file.raw(Array("RISCV\0\0\0".utf8))
    file.raw([0x52, 0x53, 0x43, 0x05])
    file.uint32(isEFI ? 64 : 0)
    if isEFI {
      file.raw([0x50, 0x45, 0, 0])
      file.uint16(0x5064)
      file.uint16(2)
      file.raw(repeatElement(0, count: 12))
      file.uint16(8)
      file.uint16(0x206)
      file.raw(repeatElement(0, count: 8))
      for (size, offset) in [(16, 192), (size - 208, 208)] {
        file.raw(Array(".section".utf8))
        file.uint64(0)
        file.uint32(UInt32(size))
        file.uint32(UInt32(offset))
        file.uint64(0)
        file.uint64(0)
      }
    }
    file.raw((file.count..<size).map { UInt8(truncatingIfNeeded: $0) })
    return file.bytes
  }

  /// An EFI zboot file around `payload`, which is `compression` already.
  static func zboot(_ payload: [UInt8], compression: String = "gzip") -> [UInt8] {
    var file = ByteWriter()
    file.raw([0x4d, 0x5a, 0, 0])
    file.raw(Array("zimg".utf8))
    file.uint32(128)
    file.uint32(UInt32(payload.count))
    file.uint64(0)
    let name = Array(compression.utf8)
    file.raw(name + Array(repeating: 0, count: 32 - name.count))
    file.uint32(0)
    file.uint32(64)
    file.raw(repeatElement(0xcc, count: 64))
    file.raw(payload)
    file.raw([0, 1, 0, 0])  // what the build appends behind the payload
    return file.bytes
  }

  static func gzip(_ bytes: [UInt8]) -> [UInt8] { Zlib.deflate(bytes, windowBits: Zlib.gzip) }

  static func zstandard(_ bytes: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(bytes.count)) { buffer, count in
      count = ZSTD_compress(buffer.baseAddress, buffer.count, bytes, bytes.count, 3)
    }
  }

  /// Replaces the bytes at `offset`.
  static func patch(_ file: [UInt8], at offset: Int, _ bytes: [UInt8]) -> [UInt8] {
    var file = file
    file.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    return file
  }

  static func littleEndian(_ value: UInt64) -> [UInt8] { (0..<8).map { UInt8(value >> ($0 * 8) & 0xff) } }
}
