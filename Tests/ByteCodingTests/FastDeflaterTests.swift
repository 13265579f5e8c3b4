// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import CZlib
import TestSupport
import Testing

@Suite struct FastDeflaterTests {
  /// Unpacked by a reader that has a window of 4 KiB and no more, as those of qcow2 may.
  private func unpack(_ packed: [UInt8], count: Int) -> [UInt8]? {
    var stream = z_stream()
    guard inflateInit2_(&stream, -12, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      return nil
    }
    defer { inflateEnd(&stream) }
    var input = packed
    var output: [UInt8] = []
    // In small pieces: in one piece zlib would look back into the output.
    var piece = [UInt8](repeating: 0, count: 100)
    let status = input.withUnsafeMutableBufferPointer { input in
      stream.next_in = input.baseAddress
      stream.avail_in = UInt32(input.count)
      while true {
        let status = piece.withUnsafeMutableBufferPointer { piece in
          stream.next_out = piece.baseAddress
          stream.avail_out = UInt32(piece.count)
          return CZlib.inflate(&stream, Z_NO_FLUSH)
        }
        output += piece[..<(piece.count - Int(stream.avail_out))]
        if status != Z_OK || output.count > count { return status }
      }
    }
    return status == Z_STREAM_END && stream.avail_in == 0 ? output : nil
  }

  private func deflate(_ sample: [UInt8], with deflater: FastDeflater, limit: Int) -> [UInt8]? {
    sample.withUnsafeBytes { deflater.deflate($0, limit: limit) }
  }

  @Test func unpacksToWhatWasPacked() {
    let seed = UInt64.random(in: 0 ... .max)
    var generator = SeededGenerator(seed: seed)
    // One for all: nothing of a call may be left for the next.
    let deflater = FastDeflater()
    for round in 0..<400 {
      // Repetitions of all lengths, from near and far, beside bytes of few and of many kinds.
      var sample: [UInt8] = []
      let size = Int(generator.next() % 20_000)
      while sample.count < size {
        let length = Int(generator.next() % 400)
        switch generator.next() % 4 {
        case 0: sample += (0..<length).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        case 1: sample += (0..<length).map { _ in UInt8(generator.next() % 3) }
        case 2: sample += [UInt8](repeating: UInt8(truncatingIfNeeded: generator.next()), count: length)
        default:
          guard !sample.isEmpty else { continue }
          let distance = 1 + Int(generator.next() % UInt64(min(sample.count, 5000)))
          for _ in 0..<length { sample.append(sample[sample.count - distance]) }
        }
      }
      guard let packed = deflate(sample, with: deflater, limit: 40_000) else {
        Issue.record("seed \(seed), round \(round): not packed")
        return
      }
      #expect(unpack(packed, count: sample.count) == sample, "seed \(seed), round \(round)")
    }
  }

  @Test func everyLengthAndDistanceHasItsCode() {
    let deflater = FastDeflater()
    var generator = SeededGenerator(seed: 1)
    let noise = (0..<4200).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    for distance in Array(4...300) + [511, 512, 513, 1024, 1025, 2048, 2049, 3072, 3073, 4095, 4096, 4097] {
      let length = min(distance, 4 + distance % 300)
      let sample = Array(noise[..<distance] + noise[..<length] + noise[4150...])
      let packed = deflate(sample, with: deflater, limit: 10_000)
      #expect(packed.flatMap { unpack($0, count: sample.count) } == sample, "distance \(distance)")
    }
    for length in 1...600 {
      let sample = noise[..<16] + [UInt8](repeating: 7, count: length) + noise[..<16]
      let packed = deflate(Array(sample), with: deflater, limit: 10_000)
      #expect(packed.flatMap { unpack($0, count: sample.count) } == Array(sample), "length \(length)")
    }
  }

  @Test func repetitionsTakeLittleRoomAndNoiseIsRefused() throws {
    let deflater = FastDeflater()
    var generator = SeededGenerator(seed: 2)
    let noise = (0..<65_536).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    #expect(deflate(noise, with: deflater, limit: noise.count - 1) == nil)
    let zeros = [UInt8](repeating: 0, count: 65_536)
    #expect(try #require(deflate(zeros, with: deflater, limit: zeros.count - 1)).count < 700)
    // As much as is packed at once: igzip leaves most places inside of a match out of its table, and finds less in more of it.
    let repeated = Array((0..<16).flatMap { _ in noise[..<1000] })
    #expect(try #require(deflate(repeated, with: deflater, limit: repeated.count - 1)).count < 5000)
  }

  /// What was packed before leaves no trace: recordings of one run are the same bytes.
  @Test func theSameBytesEachTime() {
    var generator = SeededGenerator(seed: 3)
    let samples = (0..<50).map { _ in
      (0..<Int(generator.next() % 20_000)).map {
        UInt8(truncatingIfNeeded: $0 &* $0 >> 5) ^ UInt8(generator.next() & 1)
      }
    }
    let used = FastDeflater()
    for sample in samples + samples.reversed() {
      #expect(
        deflate(sample, with: used, limit: 30_000) == deflate(sample, with: FastDeflater(), limit: 30_000))
    }
  }

  @Test(arguments: [0, 1, 63, 64, 65, 100, 1000]) func aLimitIsKept(limit: Int) {
    let deflater = FastDeflater()
    for count in 1..<1200 {
      let sample = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }
      if let packed = deflate(sample, with: deflater, limit: limit) { #expect(packed.count <= limit) }
    }
    #expect(deflate([], with: deflater, limit: 0) == nil)
  }
}
