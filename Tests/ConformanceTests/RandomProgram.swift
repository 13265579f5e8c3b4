// SPDX-License-Identifier: Apache-2.0

/// A bare-metal program of random instructions that logs all it does into RAM and switches the board off.
///
/// It is made of chunks. Each has a data window of its own, which still holds at the end what the chunk left there, runs one
/// or more rounds, and closes with a record of all registers. Traps of any kind go to a handler in M mode, which
/// records them and skips the instruction. So RAM at the end tells the whole run, and the first record that differs
/// between two machines tells where they parted.
struct RandomProgram {
  /// How the chunks run.
  enum Mode: String, CaseIterable, Sendable {
    case machine
    /// In S or U mode on Sv39 or Sv48, windows scattered over pages of 4 KiB (and of 64 KiB where there are such), or in one of 2 MiB
    /// or 1 GiB, with accessed and dirty bits and permissions as they fall.
    case supervisor
    case user

    /// `MPP` in mstatus.
    var privilege: UInt64 {
      switch self {
      case .machine: 3
      case .supervisor: 1
      case .user: 0
      }
    }
  }

  /// A part of the code, for messages.
  struct Chunk {
    /// From the start of RAM.
    var start: Int
    var end: Int
    var rounds: Int
  }

  static let ramBase: UInt64 = 0x8000_0000
  static let memorySize: UInt64 = 128 << 20
  static let logOffset = 32 << 20
  /// Bytes of log that are kept apart for a run; some megabytes are used.
  static let logSize = 64 << 20
  /// Where the windows stand in RAM: past the code, and where a page of 2 MiB may begin.
  static let windowsOffset = 4 << 20
  /// Less than the window's size would let two windows overlap by little; more than it by 8 keeps drifting over pages.
  static let windowStride = RandomInstructions.windowSize + 8

  let seed: UInt64
  let mode: Mode
  /// What stands in RAM at reset, from its start: code, windows, page tables.
  private(set) var image: [UInt8]
  private(set) var chunks: [Chunk] = []
  /// Random instructions generated, the same ones in several rounds counted once.
  private(set) var instructionCount = 0

  /// At most 1,900 chunks, so that one page table maps all windows.
  init(
    seed: UInt64, mode: Mode, repertoire: Repertoire = .base, chunkCount: Int, itemsPerChunk: Int = 200
  ) {
    precondition(chunkCount <= 1_900)
    self.seed = seed
    self.mode = mode
    var random = RandomInstructions(seed: seed, mode: mode, repertoire: repertoire)
    let pageTables = RandomPageTables(
      mode: mode, environment: RandomEnvironment(&random),
      windowPages: Self.roundUp(chunkCount * Self.windowStride + 8, RandomPageTables.groupSize) / 4096,
      hasFourLevels: repertoire.processor.extensions.contains(.sv48) && random.oneIn(3))

    // The layout is known once the code is: so the code before the chunks has a fixed length, and is made last.
    var code: [UInt16] = []
    let handlerOffset = Self.startLength
    let handler = Self.trapHandler
    let chunksOffset = handlerOffset + 2 * handler.count
    for index in 0..<chunkCount {
      let start = chunksOffset + 2 * code.count
      // Enough rounds, now and then, for an engine that translates what is executed often.
      let rounds = random.oneIn(3) ? 2 + random.below(30) : 1
      let windows =
        mode == .machine ? Self.ramBase + UInt64(Self.windowsOffset) : RandomPageTables.windows(&random)
      let (parcels, count) = Self.chunk(
        index: index, windows: windows, rounds: rounds, items: itemsPerChunk, &random)
      code += parcels
      instructionCount += count
      chunks.append(Chunk(start: start, end: chunksOffset + 2 * code.count, rounds: rounds))
    }
    code += Self.finish

    precondition(chunksOffset + 2 * code.count <= Self.windowsOffset)

    let start = Self.start(tables: pageTables, handler: handlerOffset, firstChunk: chunksOffset)
    precondition(2 * start.count <= Self.startLength)

    image = []
    image.reserveCapacity(pageTables.offset + 4 * 4096)
    Self.append(start, to: &image)
    image += [UInt8](repeating: 0, count: Self.startLength - image.count)
    Self.append(handler, to: &image)
    Self.append(code, to: &image)
    image += [UInt8](repeating: 0, count: Self.windowsOffset - image.count)
    while image.count < pageTables.offset { Self.append(RandomOperands.value(&random), to: &image) }
    for entry in pageTables.entries(&random) { Self.append(entry, to: &image) }
  }

  /// The instructions of a chunk, for a message: address and parcels, a line each.
  func listing(chunk: Int) -> String {
    var lines: [String] = []
    var offset = chunks[chunk].start
    while offset < chunks[chunk].end {
      let low = UInt32(image[offset]) | UInt32(image[offset + 1]) << 8
      let isLong = low & 3 == 3
      let word = isLong ? low | UInt32(image[offset + 2]) << 16 | UInt32(image[offset + 3]) << 24 : low
      lines.append("\(String(Self.ramBase + UInt64(offset), radix: 16)): \(String(word, radix: 16))")
      offset += isLong ? 4 : 2
    }
    return lines.joined(separator: "\n")
  }

  // MARK: Chunks

  /// `windows`: the address by which it knows them.
  private static func chunk(
    index: Int, windows: UInt64, rounds: Int, items count: Int, _ random: inout RandomInstructions
  ) -> (parcels: [UInt16], instructions: Int) {
    typealias Reserved = RandomInstructions.Reserved
    // Stand on its window, load some registers from it, and set a rounding mode.
    var parcels = Encode.loadAddress(
      Reserved.windowMiddle, windows + UInt64(index * windowStride + RandomInstructions.windowSize / 2))
    parcels += Encode.immediate(
      0x13, 0, Reserved.stackPointer, Reserved.windowMiddle, RandomInstructions.stackPointerOffset)
    parcels += Encode.immediate(
      0x13, 0, Reserved.window, Reserved.windowMiddle, RandomInstructions.windowOffset)
    parcels += Encode.immediate(0x13, 0, Reserved.rounds, 0, rounds)
    parcels += Encode.immediate(0x73, 5, 0, UInt32(random.below(5)), 2)
    let loopStart = parcels.count

    var items: [RandomInstructions.Item] = []
    for _ in 0..<6 {
      let offset = random.windowOffset(size: 8) & -8
      items.append(.code(Encode.immediate(0x03, 3, random.destination(), Reserved.windowMiddle, offset)))
      items.append(.code(Encode.immediate(0x07, 3, random.bits(5), Reserved.windowMiddle, offset ^ 8)))
      items.append(
        .code(
          Encode.immediate(0x07, 2, random.bits(5), Reserved.windowMiddle, random.windowOffset(size: 4) & -4))
      )
    }
    for _ in 0..<count { items.append(random.item()) }
    let body = assemble(items)
    parcels += body

    // The body may be longer than a branch reaches; a jump reaches farther.
    parcels += Encode.immediate(0x13, 0, Reserved.rounds, Reserved.rounds, -1)
    parcels += Encode.branch(0, Reserved.rounds, 0, 8)
    parcels += Encode.jump(0, 2 * (loopStart - parcels.count))
    return (parcels + registerRecord(tag: GuestLog.chunkTag + index), instructionCount(body))
  }

  /// Places the items and closes their jumps.
  private static func assemble(_ items: [RandomInstructions.Item]) -> [UInt16] {
    var starts: [Int] = []
    var position = 0
    for item in items {
      starts.append(position)
      switch item {
      case .code(let parcels): position += parcels.count
      case .jump(let jump, _): position += jump.size
      }
    }
    starts.append(position)
    return items.indices.flatMap { index in
      switch items[index] {
      case .code(let parcels): return parcels
      case .jump(let jump, let skipping):
        let target = starts[min(index + 1 + skipping, items.count)]
        return jump.encoded(offset: 2 * (target - starts[index]))
      }
    }
  }

  private static func instructionCount(_ parcels: [UInt16]) -> Int {
    var count = 0
    var index = 0
    while index < parcels.count {
      index += parcels[index] & 3 == 3 ? 2 : 1
      count += 1
    }
    return count
  }

  // MARK: Bytes

  private static func roundUp(_ offset: Int, _ unit: Int) -> Int { (offset + unit - 1) / unit * unit }

  private static func append(_ parcels: [UInt16], to image: inout [UInt8]) {
    for parcel in parcels {
      image += [UInt8(truncatingIfNeeded: parcel), UInt8(truncatingIfNeeded: parcel >> 8)]
    }
  }

  private static func append(_ value: UInt64, to image: inout [UInt8]) {
    for byte in 0..<8 { image.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * byte))) }
  }
}

/// Values at which instructions go wrong, for the windows.
enum RandomOperands {
  static func value(_ random: inout RandomInstructions) -> UInt64 {
    if random.extensions.contains(.zfhmin) && random.oneIn(2) {
      return 0xffff_ffff_ffff_0000 | UInt64(half(&random))
    }
    switch random.below(10) {
    case 0, 1, 2: return double(&random)
    case 3, 4: return 0xffff_ffff_0000_0000 | UInt64(single(&random))
    case 5: return UInt64(single(&random)) << 32 | UInt64(single(&random))
    case 6, 7:
      let edge: UInt64 = 1 << UInt64(random.below(64))
      let near = edge &+ UInt64(random.below(3)) &- 1
      return random.oneIn(2) ? near : 0 &- near
    case 8: return random.pick([0, 1, .max, 1 << 63, 1 << 63 - 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff])
    default: return random.next64()
    }
  }

  private static func double(_ random: inout RandomInstructions) -> UInt64 {
    let field = exponent(&random, largest: 2047)
    return (random.next64() & (1 << 63 | fraction(&random, 52))) | field << 52
  }

  private static func single(_ random: inout RandomInstructions) -> UInt32 {
    let field = exponent(&random, largest: 255)
    return UInt32(truncatingIfNeeded: (random.next64() & (1 << 31 | fraction(&random, 23))) | field << 23)
  }

  private static func half(_ random: inout RandomInstructions) -> UInt16 {
    let field: UInt64 =
      switch random.below(4) {
      case 0: UInt64(random.below(3))
      case 1: UInt64(31 - random.below(3))
      default: UInt64(random.below(32))
      }
    return UInt16(truncatingIfNeeded: (random.next64() & (1 << 15 | fraction(&random, 10))) | field << 10)
  }

  private static func exponent(_ random: inout RandomInstructions, largest: Int) -> UInt64 {
    switch random.below(6) {
    case 0: UInt64(random.below(3))
    case 1: UInt64(largest - random.below(3))
    case 2: UInt64(random.below(largest + 1))
    default: UInt64(largest / 2 + random.below(70) - 35)
    }
  }

  /// Mostly all bits of a fraction, else its upper or lower end only.
  private static func fraction(_ random: inout RandomInstructions, _ count: Int) -> UInt64 {
    let all: UInt64 = (1 << UInt64(count)) - 1
    switch random.below(5) {
    case 0: return 0
    case 1: return all >> UInt64(random.below(count))
    case 2: return all & (all << UInt64(random.below(count)))
    default: return all
    }
  }
}
