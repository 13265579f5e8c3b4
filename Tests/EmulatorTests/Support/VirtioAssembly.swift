// SPDX-License-Identifier: Apache-2.0

/// Code of a guest that drives a virtio-mmio device by hand: one queue, version 1, no interrupts awaited.
extension Assembly {
  /// Offsets from where a queue is put.
  static let driverRing: UInt64 = 0x100
  static let deviceRing: UInt64 = 0x200

  static func virtioSlot(_ slot: UInt64) -> UInt64 { 0x1000_1000 + slot * 0x1000 }

  /// Writes a descriptor of the queue at `queue`; changes t1 and t2.
  mutating func writeDescriptor(
    _ index: Int, queue: UInt64, address: UInt64, count: UInt64, flags: UInt64, next: UInt64 = 0
  ) {
    load(Register.t1, queue)
    load(Register.t2, address)
    emit(Instruction.sd(Register.t2, Register.t1, index * 16))
    load(Register.t2, count | flags << 32 | next << 48)
    emit(Instruction.sd(Register.t2, Register.t1, index * 16 + 8))
  }

  /// The steps of initialization (virtio 1.2, section 3.1.1) for the device in `slot`; leaves its address in a5 and
  /// changes t2.
  mutating func startVirtioDevice(slot: UInt64, queue: UInt64, size: UInt64) {
    load(Register.a5, Self.virtioSlot(slot))
    for (offset, value) in [
      (0x70, 0), (0x70, 3), (0x24, 1), (0x20, 1), (0x70, 11), (0x30, 0), (0x38, size),
      (0x80, queue & 0xffff_ffff), (0x90, (queue + Self.driverRing) & 0xffff_ffff),
      (0xa0, (queue + Self.deviceRing) & 0xffff_ffff), (0x44, 1), (0x70, 15),
    ] as [(Int, UInt64)] {
      load(Register.t2, value)
      emit(Instruction.sw(Register.t2, Register.a5, offset))
    }
  }

  /// Has the entropy device write `count` bytes to `address` once; its last instruction is the store that does it.
  /// Changes t1, t2 and a5.
  mutating func fetchEntropy(to address: UInt64, count: UInt64) {
    let queue = ramBase + 0x8000
    writeDescriptor(0, queue: queue, address: address, count: count, flags: 2)
    load(Register.t1, queue + Self.driverRing)
    load(Register.t2, 1 << 16)
    emit(Instruction.sw(Register.t2, Register.t1))
    startVirtioDevice(slot: 7, queue: queue, size: 4)
    emit(Instruction.sw(0, Register.a5, 0x50))
  }
}
