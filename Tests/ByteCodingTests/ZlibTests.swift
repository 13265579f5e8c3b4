// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Testing

@Suite struct ZlibTests {
  private static let samples: [[UInt8]] = [
    [], [7], [UInt8](repeating: 5, count: 300_000),
    (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) },
  ]

  @Test(arguments: [Zlib.raw, Zlib.gzip, 15, -12, -9]) func unpacksWhatItPacks(windowBits: Int32) throws {
    for sample in Self.samples {
      for level: Int32 in [0, 1, 9] {
        let packed = Zlib.deflate(sample, level: level, windowBits: windowBits)
        #expect(try Zlib.inflate(packed, maximumSize: sample.count, windowBits: windowBits) == sample)
        if !sample.isEmpty {
          #expect(throws: ZlibError.tooLarge(limit: sample.count - 1)) {
            try Zlib.inflate(packed, maximumSize: sample.count - 1, windowBits: windowBits)
          }
        }
        #expect(throws: ZlibError.truncated) {
          try Zlib.inflate(packed.dropLast(), maximumSize: sample.count + 1, windowBits: windowBits)
        }
      }
    }
  }

  @Test func aLimitIsKept() {
    let sample = Self.samples[3]
    let packed = Zlib.deflate(sample)
    sample.withUnsafeBytes {
      #expect(Zlib.deflate($0, limit: packed.count) == packed)
      #expect(Zlib.deflate($0, limit: packed.count - 1) == nil)
    }
  }

  @Test func damageIsReported() {
    #expect(throws: ZlibError.self) { try Zlib.inflate([0xff, 0xff, 0xff], maximumSize: 100) }
    var packed = Zlib.deflate([UInt8](repeating: 1, count: 1000), windowBits: 15)
    packed[packed.count - 1] ^= 1
    #expect(throws: ZlibError.damaged(what: "incorrect data check")) {
      try Zlib.inflate(packed, maximumSize: 1000, windowBits: 15)
    }
  }

  @Test func crcIsTheUsualOneAndGoesOn() {
    let text = Array("123456789".utf8)
    #expect(Zlib.crc32(text) == 0xcbf4_3926)
    #expect(Zlib.crc32([]) == 0)
    #expect(Zlib.crc32(Array(text[4...]), continuing: Zlib.crc32(Array(text[..<4]))) == 0xcbf4_3926)
    #expect(Zlib.crc32([], continuing: 0x1234) == 0x1234)
  }

  private func member(_ payload: [UInt8]) -> [UInt8] {
    payload.withUnsafeBytes { bytes in
      GzipMember.encode(bytes, extraSize: 8) { size in
        [0x52, 0x52, 4, 0] + (0..<4).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) }
      }
    }
  }

  @Test func gzipMembersHoldTheirSizeAndPayload() throws {
    for sample in Self.samples {
      let bytes = member(sample)
      let decoded = try GzipMember(decoding: bytes[...], maximumSize: sample.count)
      #expect(decoded.payload == sample)
      #expect(
        decoded.extra[4...].enumerated().reduce(0) { $0 + Int($1.element) << (8 * $1.offset) } == bytes.count)
      #expect(try Array(GzipMember.extra(of: bytes.prefix(20))) == decoded.extra)
      // Any reader of gzip takes it, the extra field notwithstanding.
      #expect(try Zlib.inflate(bytes, maximumSize: sample.count, windowBits: Zlib.gzip) == sample)
    }
  }

  /// The checksum does not see what stands between the compressed data's end and itself.
  @Test func aGzipMemberHoldsNothingBehindItsData() throws {
    let payload = Array("nothing comes after this".utf8)
    let good = member(payload)
    for count in [1, 5, 70_000] {
      let bad = good.dropLast(8) + [UInt8](repeating: 0, count: count) + good.suffix(8)
      #expect(throws: ZlibError.damaged(what: "its compressed data ends \(count) bytes early")) {
        try GzipMember(decoding: bad, maximumSize: payload.count)
      }
    }
  }

  @Test func noDamagedGzipMemberPasses() throws {
    let payload = Array("the payload of a member, the payload of a member".utf8)
    let good = member(payload)
    for count in 0..<good.count {
      #expect(throws: ZlibError.self) { try GzipMember(decoding: good[..<count], maximumSize: 1000) }
    }
    for index in good.indices {
      var bad = good
      bad[index] ^= 0x10
      // Time, level, system and the extra field's contents are not covered by the checksum, nor are the unused bits
      // that fill the last byte of the compressed data.
      if let decoded = try? GzipMember(decoding: bad[...], maximumSize: 1000) {
        #expect(decoded.payload == payload, "byte \(index)")
        #expect((4..<20).contains(index) || index == good.count - 9, "byte \(index)")
      }
    }
  }
}
