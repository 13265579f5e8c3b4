// SPDX-License-Identifier: Apache-2.0

import Emulator
import LinuxGuest
import RunSupport
import Testing

/// A kernel in the memory of a machine, by its own page tables.
@Suite struct MachineMemoryTests {
  private static let base: UInt64 = 0x8000_0000
  private static let tables = 0x3000

  /// RAM with names at the start, mapped from the kernel's address on by one page of 1 GiB (Sv39).
  private func machine() -> (Machine, [KernelSymbol]) {
    var symbols = (0..<400).map { index in
      KernelSymbol(
        address: TestMemory.address(0x4000 + index), kind: UInt8(ascii: "T"), name: "sys_name\(index)")
    }
    symbols.insert(
      KernelSymbol(
        address: TestMemory.address(Self.tables), kind: UInt8(ascii: "B"), name: "swapper_pg_dir"), at: 0)
    symbols.insert(
      KernelSymbol(address: TestMemory.address(0x800), kind: UInt8(ascii: "R"), name: "linux_banner"), at: 0)
    let memory = TestMemory(count: 0x40000)
    memory.write("Linux version 6.12 in a machine\n".utf8, at: 0x800)
    // The upper half's last entry but one; readable and valid.
    memory.write((Self.base >> 12) << 10 | 0xcf, at: Self.tables + 8 * 510)
    memory.write(KallsymsImage(symbols, .from64).bytes, at: 0x10000)
    let machine = Machine(
      configuration: MachineConfiguration(memorySize: 2 << 20, hartCount: 2, shift: 0, drives: []),
      plan: BootPlan(
        regions: [BootPlan.Region(address: Self.base, bytes: memory.bytes)],
        start: .machineMode(entry: Self.base), deviceTreeAddress: Self.base + (1 << 20)),
      gate: ScriptedOutside())
    return (machine, symbols)
  }

  /// Harts are in firmware there: the kernel's own tables lead to it.
  @Test func aKernelIsFoundAndTheMachineStaysAsItIs() throws {
    let (machine, symbols) = machine()
    let before = machine.digests()
    let kernel = try LinuxKernel(in: MachineMemory(machine, hartCount: 2))
    #expect(kernel.symbols == symbols)
    #expect(kernel.banner == "Linux version 6.12 in a machine")
    #expect(throws: LinuxGuestError.self) { try kernel.tasks() }
    #expect(kernel.moduleSymbols().rows.isEmpty)
    #expect(machine.digests() == before)
  }
}
