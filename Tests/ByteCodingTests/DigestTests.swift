// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Testing

@Suite struct DigestTests {
  /// Computed by a second implementation, written from docs/formats/digests.md: recordings hold these numbers.
  static let golden: [(count: Int, seed: UInt64, digest: UInt64)] = [
    (0, 0, 0x2b2f_9ae4_9f1a_8f7d), (1, 0, 0xe7c7_edbf_190e_4d9b), (7, 0, 0xd8a7_676b_f105_d2a0),
    (8, 0, 0x31fd_c51b_bb7a_ae85), (31, 0, 0x4a54_9585_4410_ea0e), (32, 0, 0xf83b_3fee_be78_c605),
    (33, 0, 0x9e61_02ae_9454_3abc), (100, 0, 0x1c64_de5d_12d9_1dd2), (4096, 0, 0x70cc_f2cc_33ec_be5f),
    (100, 1, 0xf422_23a2_c0c0_59ee), (0, .max, 0x6524_9163_9d50_683d),
  ]

  private func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + 3) } }

  @Test(arguments: golden) func isWhatRecordingsHold(_ value: (count: Int, seed: UInt64, digest: UInt64)) {
    #expect(Digest.of(pattern(value.count), seed: value.seed) == value.digest)
  }

  @Test func everyBitCounts() {
    for count in [1, 8, 31, 32, 75] {
      let bytes = pattern(count)
      var seen: Set<UInt64> = [Digest.of(bytes)]
      for bit in 0..<count * 8 {
        var changed = bytes
        changed[bit / 8] ^= 1 << UInt8(bit % 8)
        #expect(seen.insert(Digest.of(changed)).inserted, "bit \(bit) of \(count) bytes")
      }
    }
  }

  @Test func lengthsOfZerosDiffer() {
    let digests = (0..<200).map { Digest.of([UInt8](repeating: 0, count: $0)) }
    #expect(Set(digests).count == 200)
  }

  @Test func wordsAreNotInterchangeable() {
    // The same words in another order, within a lane and across lanes.
    var bytes = pattern(128)
    let digest = Digest.of(bytes)
    for (a, b) in [(0, 8), (0, 32), (8, 40), (96, 120)] {
      for index in 0..<8 { bytes.swapAt(a + index, b + index) }
      #expect(Digest.of(bytes) != digest)
      for index in 0..<8 { bytes.swapAt(a + index, b + index) }
    }
    #expect(Digest.of(bytes) == digest)
  }

  @Test func alignmentDoesNotMatter() {
    let bytes = pattern(100)
    let digest = Digest.of(bytes)
    for shift in 0..<8 {
      let moved = [UInt8](repeating: 0xff, count: shift) + bytes + [0xff]
      moved.withUnsafeBytes {
        #expect(Digest.of(UnsafeRawBufferPointer(rebasing: $0[shift..<shift + 100])) == digest)
      }
    }
  }
}
