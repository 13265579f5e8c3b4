// SPDX-License-Identifier: Apache-2.0

/// Looking at memory as a hart sees it, without a trace: nothing is marked, cached or faulted.
extension Interpreter {
  /// The physical address that `address` stands for, whatever the page's permissions are; nil when nothing is mapped.
  func inspectTranslation(_ hart: Hart, _ address: UInt64, privilege: UInt64) -> UInt64? {
    let satp = hart.state.pointee.satp
    if privilege == Privilege.machine || satp >> 60 == 0 { return address }
    return inspectTranslation(hart, address, satp: satp)
  }

  /// The same by the tables that a value of `satp` names, which the hart need not have at present.
  func inspectTranslation(_ hart: Hart, _ address: UInt64, satp: UInt64) -> UInt64? {
    guard satp >> 60 == 8 || satp >> 60 == 9 else { return nil }
    let levels = satp >> 60 == 8 ? 3 : 4
    let unused = UInt64(64 - (12 + 9 * levels))
    guard UInt64(bitPattern: Int64(bitPattern: address << unused) >> Int64(unused)) == address else {
      return nil
    }
    var table = (satp & 0xfff_ffff_ffff) << 12
    for level in (0..<levels).reversed() {
      let place = table + (address >> UInt64(12 + 9 * level) & 0x1ff) << 3
      guard let entry = memory.load(UInt64.self, at: place), PageTableEntry.isValid(entry),
        entry & PageTableEntry.mustBeZero == 0 || hasGoodHighBits(hart, entry, level: level)
      else { return nil }
      let frame = PageTableEntry.frame(entry)
      if entry & PageTableEntry.contiguous != 0 { return frame & ~0xffff | address & 0xffff }
      let span = UInt64(1) << UInt64(12 + 9 * level)
      if PageTableEntry.isLeaf(entry) { return frame & (span - 1) == 0 ? frame | address & (span - 1) : nil }
      table = frame
    }
    return nil
  }

  /// Up to 8 bytes of RAM at a virtual address, as loads see them, as an integer; what is not RAM reads as zero.
  func inspect(_ hart: Hart, _ address: UInt64, size: Int) -> UInt64 {
    var value: UInt64 = 0
    for byte in 0..<UInt64(size) {
      guard let physical = inspectTranslation(hart, address &+ byte, privilege: hart.dataPrivilege),
        let found = memory.load(UInt8.self, at: physical)
      else { continue }
      value |= UInt64(found) << (byte * 8)
    }
    return value
  }
}
