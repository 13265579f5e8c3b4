// SPDX-License-Identifier: Apache-2.0

import Emulator

/// The memory of a machine that stands still.
package struct MachineMemory: PhysicalMemory {
  private let machine: Machine
  package let satp: [UInt64]

  package init(_ machine: Machine, hartCount: Int) {
    self.machine = machine
    satp = (0..<hartCount).map { machine.place(hart: $0).addressSpace }
  }

  package var ram: Range<UInt64> { machine.ram }

  package func read(_ address: UInt64, count: Int) -> [UInt8] {
    machine.readMemory(physical: address, count: count)
  }

  package func physicalAddress(of address: UInt64, satp: UInt64) -> UInt64? {
    machine.physicalAddress(of: address, satp: satp)
  }
}
