/// Page tables for the chunks of S and U mode: devices and RAM one to one, and the windows scattered.
struct RandomPageTables {
  /// Sixteen pages that may be mapped together (Svnapot).
  static let groupSize = 16 * 4096

  let mode: RandomProgram.Mode
  let environment: RandomEnvironment
  /// From the start of RAM.
  let windows: Int
  let windowPages: Int
  let tables: Int

  private static let valid: UInt64 = 1
  private static let read: UInt64 = 2
  private static let write: UInt64 = 4
  private static let execute: UInt64 = 8
  private static let user: UInt64 = 16
  private static let accessed: UInt64 = 64
  private static let dirty: UInt64 = 128

  private static func entry(_ physical: UInt64, _ flags: UInt64) -> UInt64 { (physical >> 12) << 10 | flags }

  /// A root table with gigabyte pages for devices and RAM, then the windows' two tables.
  func entries(_ random: inout RandomInstructions) -> [UInt64] {
    let base = RandomProgram.ramBase + UInt64(tables)
    var root = [UInt64](repeating: 0, count: 512)
    root[0] = Self.entry(0, open)
    root[Int(RandomProgram.windowsVirtual >> 30)] = Self.entry(base + 4096, Self.valid)
    root[Int(RandomProgram.ramBase >> 30)] = Self.entry(RandomProgram.ramBase, open | Self.execute)
    var middle = [UInt64](repeating: 0, count: 512)
    middle[0] = Self.entry(base + 8192, Self.valid)
    return root + middle + windowEntries(&random)
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
        let entry = leaf(page: place * groupPages + size, &random) | 1 << 63
        leaves[index] = size == 8 ? entry : entry | Self.accessed | Self.dirty
      }
    }
    for (index, order) in zip(single, Self.shuffled(pages.count, &random)) {
      leaves[index] = leaf(page: pages[order], &random)
    }
    return leaves
  }

  private func leaf(page: Int, _ random: inout RandomInstructions) -> UInt64 {
    var flags = open
    if random.oneIn(2) { flags &= ~Self.dirty }
    if random.oneIn(3) { flags &= ~(Self.accessed | Self.dirty) }
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
    return Self.entry(RandomProgram.ramBase + UInt64(windows + page * 4096), flags)
  }

  private static func shuffled(_ count: Int, _ random: inout RandomInstructions) -> [Int] {
    var order = Array(0..<count)
    for index in order.indices.dropFirst() { order.swapAt(index, random.below(index + 1)) }
    return order
  }
}
