// SPDX-License-Identifier: Apache-2.0

/// Changing the machine from outside, between two instructions: what a debugger does. The run is not the same from
/// there on.
extension Machine {
  package func setProgramCounter(_ value: UInt64, hart: Int) {
    interpreter.harts[hart].state.pointee.pc = value & ~1
  }

  /// Integer register 0 to 31; register 0 stays zero.
  package func setRegister(_ index: Int, _ value: UInt64, hart: Int) {
    if index != 0 { interpreter.harts[hart].x[index] = value }
  }

  package func setFloatingPointRegister(_ index: Int, _ value: UInt64, hart: Int) {
    interpreter.harts[hart].f[index] = value
  }

  /// Writes a control and status register as machine mode would: only the bits that it has are taken. False: there is
  /// none of that number, or it can only be read.
  package func setControlAndStatusRegister(_ number: Int, _ value: UInt64, hart: Int) -> Bool {
    // Bits 10 and 11 say read-only (volume II, section 2.1).
    guard number >> 10 & 3 != 3, controlAndStatusRegister(number, hart: hart) != nil else { return false }
    interpreter.writeCSR(interpreter.harts[hart], number, value)
    // A counter counts the instruction that writes it; here there is none.
    if number == CSR.mcycle || number == CSR.minstret,
      let found = controlAndStatusRegister(number, hart: hart), found != value
    {
      interpreter.writeCSR(interpreter.harts[hart], number, value &+ (value &- found))
    }
    return true
  }

  /// Writes RAM at a virtual address of the hart's present mode, whatever the pages' permissions are. False, with
  /// nothing written: part of it stands for no RAM.
  package func writeMemory(_ bytes: [UInt8], virtual address: UInt64, hart: Int) -> Bool {
    guard let parts = parts(bytes, virtual: address, hart: hart) else { return false }
    for part in parts { memory.write(part.bytes, at: part.physical) }
    return true
  }

  /// Whether `writeMemory` would write so many bytes.
  package func canWriteMemory(_ bytes: [UInt8], virtual address: UInt64, hart: Int) -> Bool {
    parts(bytes, virtual: address, hart: hart) != nil
  }

  private func parts(
    _ bytes: [UInt8], virtual address: UInt64, hart: Int
  ) -> [(physical: UInt64, bytes: ArraySlice<UInt8>)]? {
    var parts: [(physical: UInt64, bytes: ArraySlice<UInt8>)] = []
    var offset = 0
    while offset < bytes.count {
      let virtual = address &+ UInt64(offset)
      let count = min(bytes.count - offset, GuestMemory.pageSize - Int(virtual & 0xfff))
      guard let physical = physicalAddress(of: virtual, hart: hart),
        memory.pointer(at: physical, count: count) != nil
      else { return nil }
      parts.append((physical, bytes[offset..<offset + count]))
      offset += count
    }
    return parts
  }
}
