// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Testing

@Suite struct ByteReaderWriterTests {
  @Test func integersHaveTheirByteOrder() throws {
    var writer = ByteWriter()
    writer.uint8(0x01)
    writer.uint16(0x0203)
    writer.uint32(0x0405_0607)
    writer.uint64(0x0809_0a0b_0c0d_0e0f)
    writer.bigEndianUInt16(0x0203)
    writer.bigEndianUInt32(0x0405_0607)
    writer.bigEndianUInt64(0x0809_0a0b_0c0d_0e0f)
    writer.bool(true)
    writer.bool(false)
    #expect(
      writer.bytes == [
        1, 3, 2, 7, 6, 5, 4, 15, 14, 13, 12, 11, 10, 9, 8, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 1,
        0,
      ])
    var reader = ByteReader(writer.bytes)
    #expect(try reader.uint8() == 0x01)
    #expect(try reader.uint16() == 0x0203)
    #expect(try reader.uint32() == 0x0405_0607)
    #expect(try reader.uint64() == 0x0809_0a0b_0c0d_0e0f)
    #expect(try reader.bigEndianUInt16() == 0x0203)
    #expect(try reader.bigEndianUInt32() == 0x0405_0607)
    #expect(try reader.bigEndianUInt64() == 0x0809_0a0b_0c0d_0e0f)
    #expect(try reader.bool())
    #expect(try !reader.bool())
    #expect(reader.isAtEnd)
  }

  @Test func varintsAreLEB128() throws {
    let cases: [(UInt64, [UInt8])] = [
      (0, [0]), (1, [1]), (127, [0x7f]), (128, [0x80, 1]), (300, [0xac, 2]), (16_383, [0xff, 0x7f]),
      (16_384, [0x80, 0x80, 1]), (1 << 63, [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1]),
      (.max, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
    ]
    for (value, bytes) in cases {
      var writer = ByteWriter()
      writer.varint(value)
      #expect(writer.bytes == bytes)
      var reader = ByteReader(bytes)
      #expect(try reader.varint() == value)
      #expect(reader.isAtEnd)
      var short = ByteReader(bytes.dropLast())
      #expect(throws: ByteCodingError.self) { try short.varint() }
    }
    // Every number of significant bits, and its neighbours.
    for shift in 0..<64 {
      for value in [UInt64(1) << shift, (1 << shift) &- 1, (1 << shift) &+ 1] {
        var writer = ByteWriter()
        writer.varint(value)
        var reader = ByteReader(writer.bytes)
        #expect(try reader.varint() == value)
      }
    }
  }

  @Test func varintsOfMoreThan64BitsAreMalformed() {
    let nines = [UInt8](repeating: 0xff, count: 9)
    for bytes in [nines + [2], nines + [0x81, 0], nines + [0xff], nines + [0x80, 0x80, 0]] {
      var reader = ByteReader(bytes)
      #expect(throws: ByteCodingError.malformed(offset: 0, what: "a number of more than 64 bits")) {
        try reader.varint()
      }
    }
  }

  @Test func everyReadStopsAtTheEnd() {
    let reads: [(Int, (inout ByteReader) throws -> Void)] = [
      (1, { _ = try $0.uint8() }), (2, { _ = try $0.uint16() }), (4, { _ = try $0.uint32() }),
      (8, { _ = try $0.uint64() }), (2, { _ = try $0.bigEndianUInt16() }),
      (4, { _ = try $0.bigEndianUInt32() }),
      (8, { _ = try $0.bigEndianUInt64() }), (5, { _ = try $0.raw(5) }), (1, { _ = try $0.bool() }),
    ]
    for (size, read) in reads {
      for available in 0..<size {
        var reader = ByteReader([UInt8](repeating: 1, count: available + 3)[3...])
        #expect(throws: ByteCodingError.truncated(offset: 0, needed: size, available: available)) {
          try read(&reader)
        }
        // A failed read takes nothing.
        #expect(reader.remaining == available)
      }
      var reader = ByteReader([UInt8](repeating: 1, count: size))
      #expect(throws: Never.self) { try read(&reader) }
      #expect(reader.offset == size && reader.isAtEnd)
    }
  }

  @Test func countsAreCheckedBeforeUse() {
    for bytes: [UInt8] in [[4, 1, 2, 3], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0]] {
      var reader = ByteReader(bytes)
      #expect(throws: ByteCodingError.self) { try reader.counted() }
    }
    var reader = ByteReader([1, 2])
    #expect(throws: ByteCodingError.self) { try reader.raw(-1) }
    #expect(throws: ByteCodingError.self) { try reader.raw(.max) }
  }

  @Test func textMustBeUTF8AndTruthValuesZeroOrOne() throws {
    var writer = ByteWriter()
    writer.string("größer")
    writer.string("")
    var reader = ByteReader(writer.bytes)
    #expect(try reader.string() == "größer")
    #expect(try reader.string() == "")
    var bad = ByteReader([2, 0xc3, 0x28])
    #expect(throws: ByteCodingError.malformed(offset: 0, what: "text that is not UTF-8")) { try bad.string() }
    var truth = ByteReader([2])
    #expect(throws: ByteCodingError.malformed(offset: 0, what: "a truth value of 2")) { try truth.bool() }
  }

  @Test func slicesAreReadFromTheirStart() throws {
    let bytes: [UInt8] = [9, 9, 9, 1, 2, 3]
    var reader = ByteReader(bytes[3...])
    #expect(try reader.uint8() == 1)
    #expect(reader.offset == 1)
    #expect(try Array(reader.raw(2)) == [2, 3])
    #expect(throws: ByteCodingError.truncated(offset: 3, needed: 1, available: 0)) { try reader.uint8() }
  }
}
