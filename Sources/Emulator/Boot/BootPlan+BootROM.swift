// SPDX-License-Identifier: Apache-2.0

import ByteCoding

extension BootPlan {
  /// What the boot ROM at `MemoryMap.bootROM` holds: for a start in M mode the reset vector, which every hart runs
  /// first on QEMU's board, and the information that OpenSBI's fw_dynamic takes over a2. Empty, that is zero, for a
  /// start with the built-in SBI, where no hart ever looks here.
  ///
  ///     offset  0  reset vector, six instructions
  ///            24  entry point of the bios
  ///            32  address of the device tree
  ///            40  fw_dynamic information, six numbers of 8 bytes
  public var bootROM: [UInt8] {
    guard case .machineMode(let entry) = start else { return [] }
    var writer = ByteWriter(reserving: 88)
    for instruction in Self.resetVector { writer.uint32(instruction) }
    writer.uint64(entry)
    writer.uint64(deviceTreeAddress)
    // OpenSBI, docs/firmware/fw_dynamic.md. Version 2 is the first that names the hart to boot.
    writer.uint64(0x4942_534f)  // magic, "OSBI"
    writer.uint64(2)  // version
    writer.uint64(nextStageAddress ?? 0)
    writer.uint64(1)  // the next stage runs in S mode
    writer.uint64(0)  // no options
    writer.uint64(0)  // the hart that boots
    return writer.bytes
  }

  private static let resetVector: [UInt32] = [
    0x0000_0297,  // auipc t0, 0
    0x0282_8613,  // addi a2, t0, 40
    0xf140_2573,  // csrr a0, mhartid
    0x0202_b583,  // ld a1, 32(t0)
    0x0182_b283,  // ld t0, 24(t0)
    0x0002_8067,  // jr t0
  ]
}
