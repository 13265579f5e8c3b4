// SPDX-License-Identifier: Apache-2.0

/// Looking at the machine from outside, between two instructions. Nothing here has an effect on the guest, not even on
/// what is known of its pages.
extension Machine {
  /// A register of the architecture by the manual's name.
  package struct Register: Equatable, Sendable {
    package var name: String
    package var number: Int
  }

  /// The control and status registers that say what a hart is doing: those of them that its processor has.
  package var controlAndStatusRegisters: [Register] {
    CSR.named.filter { controlAndStatusRegister($0.number, hart: 0) != nil }
      .map { Register(name: $0.name, number: $0.number) }
  }

  /// A control and status register as machine mode would read it; nil when there is none of that number.
  package func controlAndStatusRegister(_ number: Int, hart index: Int) -> UInt64? {
    let hart = interpreter.harts[index]
    let state = hart.state
    switch number {
    // Also while floating point is off.
    case CSR.fflags: return state.pointee.fflags
    case CSR.frm: return state.pointee.frm
    case CSR.fcsr: return state.pointee.frm << 5 | state.pointee.fflags
    default:
      // What may be read depends on the privilege alone, and nothing is derived from it meanwhile.
      let privilege = state.pointee.privilege
      state.pointee.privilege = Privilege.machine
      defer { state.pointee.privilege = privilege }
      return interpreter.readCSR(hart, number, forWrite: false)
    }
  }

  /// A network card as its driver has it.
  package struct NetworkCardState: Sendable {
    package var address: MACAddress
    package var isLinkUp: Bool
  }

  package var networkCardStates: [NetworkCardState] {
    networkCards.map { NetworkCardState(address: $0.address, isLinkUp: $0.isLinkUp) }
  }

  /// 0 user, 1 supervisor, 3 machine.
  package func privilege(hart: Int) -> UInt64 { interpreter.harts[hart].state.pointee.privilege }

  /// Instructions that the hart has executed since the machine started. One that traps counts.
  package func executedCount(hart: Int) -> UInt64 { interpreter.harts[hart].executed }

  /// Whether the hart waits for an interrupt.
  package func isWaiting(hart: Int) -> Bool { interpreter.harts[hart].state.pointee.isWaiting != 0 }

  /// Exceptions and interrupts that the hart has taken since the machine was made. It is no part of the machine's state: only
  /// whether it has changed means something.
  package func trapCount(hart: Int) -> UInt64 {
    let state = interpreter.harts[hart].state.pointee
    return state.exceptionCount &+ state.interruptCount
  }

  /// Where a hart was interrupted that stands at the first instruction of a trap's handler.
  package struct TrapReturn: Equatable, Sendable {
    package var programCounter: UInt64
    package var privilege: UInt64
    package var stackPointer: UInt64
    package var addressSpace: UInt64
  }

  package func trapReturn(hart index: Int) -> TrapReturn {
    let hart = interpreter.harts[index]
    let state = hart.state.pointee
    let isMachine = state.privilege == Privilege.machine
    return TrapReturn(
      programCounter: isMachine ? state.mepc : state.sepc,
      privilege: isMachine
        ? state.mstatus >> Status.mppShift & 3
        : state.mstatus & Status.spp != 0 ? Privilege.supervisor : Privilege.user,
      stackPointer: hart.x[2], addressSpace: state.satp)
  }

  /// The same of a hart that is not in a handler, or is back from it.
  package func place(hart index: Int) -> TrapReturn {
    let hart = interpreter.harts[index]
    let state = hart.state.pointee
    return TrapReturn(
      programCounter: state.pc, privilege: state.privilege, stackPointer: hart.x[2], addressSpace: state.satp)
  }

  /// The physical address that `address` stands for in the hart's present mode, whatever the page's permissions are; nil
  /// when it stands for none.
  package func physicalAddress(of address: UInt64, hart index: Int) -> UInt64? {
    let hart = interpreter.harts[index]
    return interpreter.inspectTranslation(hart, address, privilege: hart.state.pointee.privilege)
  }

  /// The same by the page tables that a value of `satp` names, whatever harts have there at present.
  package func physicalAddress(of address: UInt64, satp: UInt64) -> UInt64? {
    interpreter.inspectTranslation(interpreter.harts[0], address, satp: satp)
  }

  /// Where RAM is, by physical addresses.
  package var ram: Range<UInt64> { memory.base..<memory.base + memory.size }

  /// As many of `count` bytes from the virtual address `address` on as there are: of RAM, and of what stands in devices' registers.
  package func readMemory(virtual address: UInt64, count: Int, hart: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    var address = address
    while bytes.count < count {
      let inPage = min(count - bytes.count, GuestMemory.pageSize - Int(address & 0xfff))
      guard let physical = physicalAddress(of: address, hart: hart) else { break }
      let found = inspect(physical: physical, count: inPage)
      bytes += found
      guard found.count == inPage else { break }
      address &+= UInt64(inPage)
    }
    return bytes
  }

  /// The same at physical addresses. A register is told as it is read, and reading it is without effect: input is not taken, an
  /// interrupt not claimed. Where only the outside could answer, the bytes end.
  package func inspect(physical address: UInt64, count: Int) -> [UInt8] {
    let inMemory = readMemory(physical: address, count: count)
    guard inMemory.isEmpty else { return inMemory }
    if let flash = memory.inspectedFlash(at: address, count: count) {
      return Array(UnsafeRawBufferPointer(start: flash, count: count))
    }
    var bytes: [UInt8] = []
    while bytes.count < count, let byte = bus.inspect(address &+ UInt64(bytes.count)) { bytes.append(byte) }
    return bytes
  }

  /// As many of `count` bytes from the physical address `address` on as are RAM.
  package func readMemory(physical address: UInt64, count: Int) -> [UInt8] {
    guard address >= memory.base, address - memory.base < memory.size else { return [] }
    let inMemory = min(count, Int(memory.size - (address - memory.base)))
    return memory.pointer(at: address, count: inMemory).map {
      Array(UnsafeRawBufferPointer(start: $0, count: inMemory))
    } ?? []
  }

  /// The devices of the board by address, RAM included: what `info mtree` shows.
  package var addressMap: [(name: String, base: UInt64, size: UInt64)] {
    (bus.map.map { ($0.device.name, $0.window.base, $0.window.size) } + [("ram", memory.base, memory.size)])
      .sorted { $0.base < $1.base }
  }

  /// What has registers at a physical address.
  package func device(at address: UInt64) -> String? {
    addressMap.first { $0.base <= address && address - $0.base < $0.size }?.name
  }

  /// Where the guest says that a note about its memory is, for dumps.
  package var memoryDescriptionNote: (address: UInt64, size: UInt32)? {
    firmwareConfiguration?.memoryDescriptionNote
  }

  /// The board's read-only memory, at `MemoryMap.bootROM`.
  package var bootROM: [UInt8] { plan.bootROM }
}
