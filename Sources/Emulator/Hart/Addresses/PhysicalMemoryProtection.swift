// SPDX-License-Identifier: Apache-2.0

/// PMP of one hart: 16 entries (volume II, section 3.7).
///
/// Where no entry matches, S and U mode may access nothing: so a system that never sets up PMP does not get out of M mode,
/// as on hardware.
final class PhysicalMemoryProtection {
  enum Permission {
    static let read: UInt8 = 1
    static let write: UInt8 = 2
    static let execute: UInt8 = 4
  }

  static let entryCount = 16
  private static let locked: UInt8 = 0x80
  /// L, A, X, W and R.
  private static let configurationMask: UInt8 = 0x9f
  /// Physical addresses have 56 bits; `pmpaddr` holds bits 2 to 55.
  private static let addressMask: UInt64 = (1 << 54) - 1

  private(set) var configurations = [UInt8](repeating: 0, count: entryCount)
  private(set) var addresses = [UInt64](repeating: 0, count: entryCount)

  /// An active entry, as a range of bytes; `last` is inclusive so that the whole address space fits.
  private struct Region {
    var first: UInt64
    var last: UInt64
    var permissions: UInt8
    var isLocked: Bool
  }
  /// The active entries that hold any byte, the one with the highest priority first.
  private var regions: UnsafeBufferPointer<Region> {
    UnsafeBufferPointer(start: regionMemory, count: regionCount)
  }
  // Raw memory, because every access that is not in the translation cache looks at it.
  private let regionMemory = UnsafeMutablePointer<Region>.allocate(capacity: entryCount)
  private var regionCount = 0
  /// Is any entry active, be it one that holds no byte?
  private var isActive = false

  /// In machines of the first revision S and U mode may access everything while no entry is active.
  private let isOpenUntilUsed: Bool

  init(revision: MachineRevision) { isOpenUntilUsed = revision.isOpenWithoutProtection }

  deinit { regionMemory.deallocate() }

  /// Lets everything through, as firmware does that does not mean to protect anything: one entry for all addresses.
  func open() {
    configurations[0] = 3 << 3 | Permission.read | Permission.write | Permission.execute
    addresses[0] = Self.addressMask
    compile()
  }

  func reset() {
    configurations = [UInt8](repeating: 0, count: Self.entryCount)
    addresses = [UInt64](repeating: 0, count: Self.entryCount)
    compile()
  }

  /// Puts back saved registers; false when they have bits that the registers lack.
  func restore(configurations: [UInt8], addresses: [UInt64]) -> Bool {
    precondition(configurations.count == Self.entryCount && addresses.count == Self.entryCount)
    guard configurations.allSatisfy({ $0 & ~Self.configurationMask == 0 }),
      addresses.allSatisfy({ $0 & ~Self.addressMask == 0 })
    else { return false }
    self.configurations = configurations
    self.addresses = addresses
    compile()
    return true
  }

  /// `pmpcfg0` (`index` 0) or `pmpcfg2` (`index` 2).
  func readConfiguration(_ index: Int) -> UInt64 {
    (0..<8).reduce(0) { $0 | UInt64(configurations[index * 4 + $1]) << UInt64($1 * 8) }
  }

  func writeConfiguration(_ index: Int, _ value: UInt64) {
    for byte in 0..<8 {
      let entry = index * 4 + byte
      guard configurations[entry] & Self.locked == 0 else { continue }
      let new = UInt8(truncatingIfNeeded: value >> UInt64(byte * 8)) & Self.configurationMask
      // W without R is reserved: the entry keeps what it had.
      guard new & 3 != Permission.write else { continue }
      configurations[entry] = new
    }
    compile()
  }

  func writeAddress(_ entry: Int, _ value: UInt64) {
    guard configurations[entry] & Self.locked == 0 else { return }
    if entry + 1 < Self.entryCount {
      // A locked top-of-range entry locks the address below it too.
      let next = configurations[entry + 1]
      guard next & Self.locked == 0 || next >> 3 & 3 != 1 else { return }
    }
    addresses[entry] = value & Self.addressMask
    compile()
  }

  private func compile() {
    regionCount = 0
    isActive = configurations.contains { $0 >> 3 & 3 != 0 }
    for entry in 0..<Self.entryCount {
      let configuration = configurations[entry]
      let address = addresses[entry]
      let range: (first: UInt64, last: UInt64)
      switch configuration >> 3 & 3 {
      case 1:  // TOR
        let bottom = entry == 0 ? 0 : addresses[entry - 1] << 2
        guard bottom < address << 2 else { continue }
        range = (bottom, address << 2 - 1)
      case 2:  // NA4
        range = (address << 2, address << 2 + 3)
      case 3:  // NAPOT
        let ones = address ^ (address &+ 1)
        range = ((address & ~ones) << 2, ((address | ones) << 2) | 3)
      default: continue
      }
      (regionMemory + regionCount).initialize(
        to: Region(
          first: range.first, last: range.last, permissions: configuration & 7,
          isLocked: configuration & Self.locked != 0))
      regionCount += 1
    }
  }

  /// May `size` bytes at a physical address be accessed with `permission` from `privilege`?
  func allows(_ address: UInt64, size: UInt64, _ permission: UInt8, privilege: UInt64) -> Bool {
    let last = address &+ (size &- 1)
    for region in regions where address <= region.last && last >= region.first {
      // The entry must match all of the access (section 3.7.1, "Priority and Matching Logic").
      guard address >= region.first && last <= region.last else { return false }
      if privilege == Privilege.machine && !region.isLocked { return true }
      return region.permissions & permission != 0
    }
    return privilege == Privilege.machine || isOpenUntilUsed && !isActive
  }

  /// May M mode access every byte from `first` to `last`, whatever the size of an access?
  func leavesMachineModeAlone(first: UInt64, last: UInt64) -> Bool {
    regions.allSatisfy { region in
      let holdsAll = region.first <= first && region.last >= last
      let holdsNothing = region.last < first || region.first > last
      return holdsNothing || (holdsAll && !region.isLocked)
    }
  }

  /// May everyone do everything from address 0 to `last`? Firmware that does not mean to protect sets one such entry.
  func allowsAll(upTo last: UInt64) -> Bool {
    guard let region = regions.first else { return isOpenUntilUsed && !isActive }
    let all = Permission.read | Permission.write | Permission.execute
    return region.first == 0 && region.last >= last && region.permissions == all
  }

  /// Is the answer the same for every byte of the page at `address`?
  func isUniform(page address: UInt64) -> Bool {
    let page = address & ~0xfff
    return regions.allSatisfy { region in
      (region.first <= page || region.first > page | 0xfff)
        && (region.last < page || region.last >= page | 0xfff)
    }
  }
}

/// Most systems run with one entry that lets everything through, and then nothing but a field of the hart is looked at.
extension Interpreter {
  @inline(__always)
  func allows(
    _ hart: Hart, _ address: UInt64, size: UInt64, _ permission: UInt8, privilege: UInt64
  ) -> Bool {
    hart.state.pointee.isProtected == 0
      || protection[hart.index].allows(address, size: size, permission, privilege: privilege)
  }

  @inline(__always)
  func isUniform(_ hart: Hart, page address: UInt64) -> Bool {
    hart.state.pointee.isProtected == 0 || protection[hart.index].isUniform(page: address)
  }

  /// Must follow every change of the hart's PMP registers.
  func protectionChanged(_ hart: Hart) {
    // Above RAM nothing answers, which raises what PMP would raise.
    let last = memory.base + (memory.size - 1)
    hart.state.pointee.isProtected = protection[hart.index].allowsAll(upTo: last) ? 0 : 1
    let leavesAlone = protection[hart.index].leavesMachineModeAlone(first: memory.base, last: last)
    hart.state.pointee.isMachineModeProtected = leavesAlone ? 0 : 1
    hart.translationCache.flushAll()
    flushTranslations(hart)
  }
}
