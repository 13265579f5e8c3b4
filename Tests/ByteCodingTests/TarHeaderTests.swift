// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import TestSupport
import Testing

@Suite struct TarHeaderTests {
  @Test(arguments: [0, 1, 511, 1 << 33 - 1, 1 << 33, 1 << 40 + 5] as [UInt64]) func whatIsWrittenIsRead(
    size: UInt64
  ) throws {
    for name in [
      "a", "run.rr/replay.log", String(repeating: "f", count: 150) + "/" + String(repeating: "n", count: 100),
    ] {
      for kind in [TarHeader.Kind.file, .folder] {
        let header = TarHeader(name: name, kind: kind, size: size, modified: 1_700_000_000)
        let block = try #require(header.encoded())
        #expect(block.count == TarHeader.blockSize)
        #expect(try TarHeader(decoding: block[...]) == header)
      }
    }
  }

  @Test func namesThatDoNotFitAreRefused() {
    for name in ["", String(repeating: "n", count: 101), "a/" + String(repeating: "n", count: 101), "a\0b"] {
      #expect(TarHeader(name: name, size: 0, modified: 0).encoded() == nil)
    }
  }

  @Test func anyChangeOfAHeaderIsSeenOrHarmless() throws {
    let block = try #require(TarHeader(name: "run.rr/replay.log", size: 12345, modified: 7).encoded())
    var generator = SeededGenerator(seed: 9)
    for index in 0..<TarHeader.blockSize {
      var bad = block
      bad[index] ^= UInt8.random(in: 1...255, using: &generator)
      // All bytes are in the sum; the sum's own have more than one way to be written.
      if let read = try? TarHeader(decoding: bad[...]) {
        #expect((148..<156).contains(index) && read.size == 12345)
      }
    }
    for _ in 0..<2000 {
      let noise = (0..<TarHeader.blockSize).map { _ in UInt8.random(in: 0...255, using: &generator) }
      #expect((try? TarHeader(decoding: noise[...])) == nil)
    }
    #expect(try TarHeader(decoding: [UInt8](repeating: 0, count: 512)[...]) == nil)
  }

  @Test func zstandardGoesThroughInPieces() throws {
    var generator = SeededGenerator(seed: 10)
    let data = (0..<300_000).map {
      UInt8(truncatingIfNeeded: $0 / 100) & UInt8.random(in: 0...3, using: &generator)
    }
    let compressor = try ZstandardCompressor()
    var packed: [UInt8] = []
    var rest = data[...]
    var isOver = false
    while !isOver {
      var room = [UInt8](repeating: 0, count: 1000)
      let part = rest.prefix(Int.random(in: 0...5000, using: &generator))
      let isLast = part.count == rest.count
      let step = try part.withUnsafeBytes { input in
        try room.withUnsafeMutableBytes { try compressor.step(input, isLast: isLast, into: $0) }
      }
      rest = rest.dropFirst(step.taken)
      packed += room[..<step.given]
      isOver = step.isOver
    }
    #expect(try Zstandard.decompress(packed[...], maximumSize: data.count) == data)
    let decompressor = try ZstandardDecompressor()
    var unpacked: [UInt8] = []
    var left = packed[...]
    isOver = false
    while !isOver {
      var room = [UInt8](repeating: 0, count: 777)
      let part = left.prefix(100)
      let step = try part.withUnsafeBytes { input in
        try room.withUnsafeMutableBytes { try decompressor.step(input, into: $0) }
      }
      left = left.dropFirst(step.taken)
      unpacked += room[..<step.given]
      isOver = step.isOver
    }
    #expect(unpacked == data && left.isEmpty)
  }
}
