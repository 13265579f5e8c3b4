// SPDX-License-Identifier: Apache-2.0

/// Page tables for the chunks of S and U mode: devices and RAM one to one, and several ways to the windows.
///
/// The first way is by pages of 4 KiB and groups of them, scattered. Others go by other entries to those same pages, or have the
/// windows in order in a page of 2 MiB or of 1 GiB. Now and then an entry on such a way is one that must fault.
struct RandomPageTables {
  /// Sixteen pages that may be mapped together (Svnapot).
  static let groupSize = 16 * 4096
  /// Entries of the middle table that lead to the windows.
  private static let ways = 8
  /// The 2 MiB of RAM, from its start, where the windows are.
  private static let windowsPlace = RandomProgram.windowsOffset >> 21
  /// In the root table: the one that always leads to the middle table, and the one that may be a page of 1 GiB.
  private static let (steadyRoot, otherRoot) = (1, 3)

  let mode: RandomProgram.Mode
  let environment: RandomEnvironment
  let windowPages: Int
  /// Sv48, else Sv39.
  let hasFourLevels: Bool

  /// `MODE` in satp.
  var translationMode: Int { hasFourLevels ? 9 : 8 }

  /// From the start of RAM.
  var offset: Int { RandomProgram.windowsOffset + windowPages * 4096 }

  /// The address of the first window on one of the ways. By `otherRoot` there is one place alone that is theirs in any case.
  static func windows(_ random: inout RandomInstructions) -> UInt64 {
    switch random.below(8) {
    case 0..<4: UInt64(steadyRoot) << 30
    case 4..<7: UInt64(steadyRoot) << 30 + UInt64(1 + random.below(ways - 1)) << 21
    default: UInt64(otherRoot) << 30 + UInt64(windowsPlace) << 21
    }
  }

  private static let valid: UInt64 = 1
  private static let read: UInt64 = 2
  private static let write: UInt64 = 4
  private static let execute: UInt64 = 8
  private static let user: UInt64 = 16
  private static let global: UInt64 = 32
  private static let accessed: UInt64 = 64
  private static let dirty: UInt64 = 128
  private static let software: UInt64 = 3 << 8

  private static func entry(_ physical: UInt64, _ flags: UInt64) -> UInt64 { (physical >> 12) << 10 | flags }

  func entries(_ random: inout RandomInstructions) -> [UInt64] {
    let base = RandomProgram.ramBase + UInt64(offset)
    guard hasFourLevels else { return entries(at: base, &random) }
    return [Self.entry(base + 4096, Self.valid)] + [UInt64](repeating: 0, count: 511)
      + entries(at: base + 4096, &random)
  }

  /// A table with gigabyte pages for devices and RAM, then the windows' two tables.
  private func entries(at base: UInt64, _ random: inout RandomInstructions) -> [UInt64] {
    var root = [UInt64](repeating: 0, count: 512)
    root[0] = Self.entry(0, open)
    root[Int(RandomProgram.ramBase >> 30)] = Self.entry(RandomProgram.ramBase, open | Self.execute)
    root[Self.steadyRoot] = Self.entry(base + 4096, Self.valid)
    root[Self.otherRoot] =
      random.oneIn(2) ? large(RandomProgram.ramBase, size: 1 << 30, &random) : pointer(base + 4096, &random)
    var middle = [UInt64](repeating: 0, count: 512)
    middle[0] = Self.entry(base + 8192, Self.valid)
    let windows = RandomProgram.ramBase + UInt64(RandomProgram.windowsOffset)
    for way in 1..<Self.ways {
      middle[way] = random.oneIn(2) ? large(windows, size: 2 << 20, &random) : pointer(base + 8192, &random)
    }
    return root + middle + windowEntries(&random)
  }

  /// A page of more than 4 KiB, which now and then stands where none can.
  private func large(_ physical: UInt64, size: UInt64, _ random: inout RandomInstructions) -> UInt64 {
    let astray = random.oneIn(8) ? random.next64() & (size - 1) & ~4095 : 0
    let entry = leaf(physical | astray, &random)
    // Only pages of 4 KiB make a group. As for other sizes of groups, below.
    guard random.repertoire.isModel && random.oneIn(10) else { return entry }
    return entry | 1 << 63 | Self.accessed | Self.dirty
  }

  /// To the next table, now and then with a bit that such an entry may (G, and two for software) or must not have.
  private func pointer(_ table: UInt64, _ random: inout RandomInstructions) -> UInt64 {
    var flags = Self.valid
    if random.oneIn(3) { flags |= 1 << UInt64(4 + random.below(6)) }
    if random.oneIn(12) { flags |= Self.write }
    if random.oneIn(6) { flags |= 1 << UInt64(54 + random.below(10)) }
    return Self.entry(table, flags)
  }

  private var open: UInt64 {
    Self.valid | Self.read | Self.write | Self.accessed | Self.dirty | (mode == .user ? Self.user : 0)
  }

  private func windowEntries(_ random: inout RandomInstructions) -> [UInt64] {
    let groupPages = Self.groupSize / 4096
    var leaves = [UInt64](repeating: 0, count: 512)
    // Each group stands for another physical one. Then pages that are mapped one by one change places.
    let hasGroups = random.extensions.contains(.svnapot)
    var single: [Int] = []
    var pages: [Int] = []
    for (group, place) in Self.shuffled(windowPages / groupPages, &random).enumerated() {
      let isTogether = random.repertoire.isModel && random.oneIn(hasGroups ? 2 : 12)
      for page in 0..<groupPages {
        let index = group * groupPages + page
        guard isTogether else {
          single.append(index)
          pages.append(place * groupPages + page)
          continue
        }
        // The low bits of the page number say how many pages: 64 KiB is the only size. QEMU 10 sets A and D of an entry of
        // another before it faults, so these have them.
        let size = random.oneIn(16) ? Int(random.bits(4)) : 8
        let entry = leaf(windowPage: place * groupPages + size, &random) | 1 << 63
        leaves[index] = size == 8 ? entry : entry | Self.accessed | Self.dirty
      }
    }
    for (index, order) in zip(single, Self.shuffled(pages.count, &random)) {
      leaves[index] = leaf(windowPage: pages[order], &random)
    }
    return leaves
  }

  private func leaf(windowPage page: Int, _ random: inout RandomInstructions) -> UInt64 {
    leaf(RandomProgram.ramBase + UInt64(RandomProgram.windowsOffset + page * 4096), &random)
  }

  private func leaf(_ physical: UInt64, _ random: inout RandomInstructions) -> UInt64 {
    var flags = open
    if random.oneIn(2) { flags &= ~Self.dirty }
    if random.oneIn(3) { flags &= ~(Self.accessed | Self.dirty) }
    flags |= random.next64() & (Self.global | Self.software)
    switch random.below(16) {
    case 0: flags &= ~Self.write
    case 1: flags ^= Self.user
    case 2: flags &= ~Self.valid
    case 3: flags &= ~Self.read  // writable but not readable: reserved
    default: break
    }
    if random.repertoire.isModel {
      let isTyped = environment.machine & RandomEnvironment.typesMemory != 0
      if random.oneIn(isTyped ? 3 : 24) { flags |= UInt64(random.oneIn(8) ? 3 : 1 + random.below(2)) << 61 }
      // Bits that no extension uses.
      if random.oneIn(40) { flags |= 1 << UInt64(54 + random.below(7)) }
    }
    return Self.entry(physical, flags)
  }

  private static func shuffled(_ count: Int, _ random: inout RandomInstructions) -> [Int] {
    var order = Array(0..<count)
    for index in order.indices.dropFirst() { order.swapAt(index, random.below(index + 1)) }
    return order
  }
}
