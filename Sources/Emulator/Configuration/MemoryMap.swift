// SPDX-License-Identifier: Apache-2.0

/// Addresses and interrupt numbers of QEMU's RISC-V `virt` board (hw/riscv/virt.c is the reference).
public enum MemoryMap {
  public struct Window: Sendable {
    public let base: UInt64
    public let size: UInt64
    public func contains(_ address: UInt64) -> Bool { address &- base < size }
  }

  public static let bootROM = Window(base: 0x1000, size: 0xf000)
  public static let testFinisher = Window(base: 0x10_0000, size: 0x1000)
  public static let realTimeClock = Window(base: 0x10_1000, size: 0x1000)
  public static let coreLocalInterruptor = Window(base: 0x200_0000, size: 0x1_0000)
  public static let platformInterruptController = Window(base: 0xc00_0000, size: 0x60_0000)
  public static let serialPort = Window(base: 0x1000_0000, size: 0x100)
  /// Eight slots of 0x1000 bytes each.
  public static let virtioSlots = Window(base: 0x1000_1000, size: 0x8000)
  public static let virtioSlotSize: UInt64 = 0x1000
  public static let virtioSlotCount = 8
  /// QEMU's fw_cfg.
  public static let firmwareConfiguration = Window(base: 0x1010_0000, size: 0x18)
  /// Both banks.
  public static let flash = Window(base: 0x2000_0000, size: 0x400_0000)
  public static let memoryBase: UInt64 = 0x8000_0000

  /// PLIC sources.
  public enum InterruptSource {
    public static let virtioFirst = 1  // slot n has source 1 + n
    public static let serialPort = 10
    public static let realTimeClock = 11
  }

  /// `mtime` counts at 10 MHz: one tick is 100 ns of guest time.
  public static let timebaseFrequency: UInt64 = 10_000_000
  public static let nanosecondsPerTick: UInt64 = 100
}
