// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import TestSupport
import Testing

/// What FACTS of QEMU's flash say: the accesses are those that EDK2 and U-Boot make.
@Suite struct ParallelFlashTests {
  let board = DeviceTestBoard(hasFlash: true)
  let flash: ParallelFlash

  init() { flash = ParallelFlash(board: board, bank: 1, isReadOnly: false) }

  private func array(_ offset: UInt64) -> UInt8 {
    board.memory.readAttached(at: AttachedStorage.bankSize + offset, count: 1)?[0] ?? 0x77
  }

  @Test func queryAnswersInEveryLane() {
    flash.write(offset: 0x154, size: 1, value: 0x98)
    #expect(flash.read32(0x40) == 0x0051_0051)
    #expect(flash.read8(0x41) == 0x51 && flash.read(offset: 0x42, size: 2) == 0x51)
    #expect(flash.read32(0x44) == 0x0052_0052 && flash.read32(0x48) == 0x0059_0059)
    #expect(flash.read64(0x40) == 0x0052_0052_0051_0051)
    #expect(flash.read32(0x27 * 4) == 0x0018_0018 && flash.read32(0x1_0000) == 0)
    flash.write32(0, 0xff)
    #expect(flash.read32(0x40) == 0)
  }

  @Test func identityAndStatus() {
    flash.write32(0, 0x0090_0090)
    #expect(flash.read32(0) == 0x0089_0089 && flash.read32(4) == 0x0018_0018 && flash.read32(8) == 0)
    flash.write32(0, 0x0070_0070)
    #expect(flash.read32(0) == 0x0080_0080 && flash.read8(1) == 0x80)
    flash.write32(0, 0x0050_0050)
    flash.write32(0, 0x0070_0070)
    #expect(flash.read32(0) == 0)
  }

  @Test func programOverwritesAndEraseSetsABlock() {
    flash.write32(0x100, 0x40)
    flash.write32(0x100, 0x1234_5678)
    #expect(flash.read32(0) == 0x0080_0080)
    flash.write32(0, 0xff)
    #expect(flash.read32(0x100) == 0x1234_5678)
    flash.write8(0x101, 0x10)
    flash.write8(0x101, 0xff)
    flash.write32(0, 0xff)
    #expect(flash.read32(0x100) == 0x1234_ff78)
    flash.write32(0x4_0004, 0x0020_0020)
    flash.write32(0x4_0004, 0x00d0_00d0)
    #expect(flash.read32(0) == 0x0080_0080)
    flash.write32(0, 0xff)
    #expect(flash.read32(0x4_0000) == ~0 && flash.read32(0x7_fffc) == ~0)
    #expect(flash.read32(0x3_fffc) == 0 && flash.read32(0x8_0000) == 0)
  }

  @Test func bufferIsWrittenWhenConfirmed() {
    flash.write32(0x80, 0x00e8_00e8)
    #expect(flash.read32(0x80) == 0x0080_0080)
    flash.write32(0x80, 0x001f_001f)
    for word in 0..<32 { flash.write32(0x80 + UInt64(word * 4), UInt32(word + 1)) }
    #expect(array(0x80) == 0)
    flash.write32(0x80, 0x00d0_00d0)
    flash.write32(0, 0xff)
    #expect((0..<32).allSatisfy { flash.read32(0x80 + UInt64($0 * 4)) == UInt32($0 + 1) })
  }

  @Test func bufferWordOutOfRangeWritesNothing() {
    flash.write32(0, 0xe8)
    flash.write32(0, 1)
    flash.write32(0, 7)
    flash.write32(0x1000, 8)
    #expect(flash.read32(0) == 0x0090_0090)
    flash.write32(0, 0xd0)
    #expect(flash.read32(0) == 0)
  }

  @Test func readOnlyBankReportsFailure() {
    let flash = ParallelFlash(board: board, bank: 0, isReadOnly: true)
    flash.write32(0, 0x20)
    #expect(flash.read32(0) == 0x00a0_00a0)
    flash.write32(0, 0xd0)
    flash.write32(0, 0x40)
    flash.write32(0, 5)
    #expect(flash.read32(0) == 0x00b0_00b0)
    flash.write32(0, 0xff)
    #expect(flash.read32(0) == 0)
  }

  @Test func anyAccessesLeaveAStateThatCanBeRestored() throws {
    for seed in 0..<40 as Range<UInt64> {
      var random = SeededGenerator(seed: seed)
      let commands: [UInt64] = [0x98, 0xff, 0x90, 0xe8, 0xd0, 0x70, 0x50, 0x20, 0x40, 0x10, 0x60, 1, 3]
      for _ in 0..<500 {
        let size = 1 << Int.random(in: 0...3, using: &random)
        let offset = UInt64.random(in: 0..<0x2000, using: &random) & ~UInt64(size - 1)
        if Bool.random(using: &random) {
          _ = flash.read(offset: offset, size: size)
        } else {
          flash.write(offset: offset, size: size, value: commands.randomElement(using: &random) ?? 0)
        }
      }
      let saved = flash.savedBytes()
      let other = ParallelFlash(board: board, bank: 1, isReadOnly: false)
      try other.restoreAll(saved)
      #expect(other.savedBytes() == saved, "seed \(seed)")
      var damaged = saved
      damaged[Int.random(in: 0..<damaged.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
      try? other.restoreAll(damaged)
      try flash.restoreAll(saved)
    }
  }
}
