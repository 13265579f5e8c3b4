// The fixed code around the chunks.
extension RandomProgram {
  private typealias Reserved = RandomInstructions.Reserved

  /// Bytes kept for `start`.
  static let startLength = 1024

  /// Sets up the machine and goes to the first chunk in its mode.
  static func start(mode: Mode, handler: Int, firstChunk: Int, windows: Int, tables: Int) -> [UInt16] {
    func address(_ offset: Int) -> UInt64 { ramBase + UInt64(offset) }
    func write(_ register: Int, from source: UInt32) -> [UInt16] {
      Encode.immediate(0x73, 1, 0, source, register)
    }
    // Only hart 0 goes on; QEMU is given a second one (see there).
    var code = Encode.immediate(0x73, 2, 5, 0, 0xf14) + Encode.branch(0, 5, 0, 12)
    code += Encode.word(0x1050_0073) + Encode.jump(0, -4)  // wfi
    code += Encode.loadAddress(5, address(handler)) + write(0x305, from: 5)
    // All of memory is open to S and U mode: one NAPOT entry.
    code += Encode.immediate(0x13, 0, 5, 0, -1) + write(0x3b0, from: 5)
    code += Encode.immediate(0x13, 0, 5, 0, 0x1f) + write(0x3a0, from: 5)
    // menvcfg.ADUE: the hardware sets accessed and dirty bits. QEMU 7.2 has no such bit and always does.
    code += Encode.immediate(0x13, 0, 5, 0, 1) + Encode.immediate(0x13, 1, 5, 5, 61) + write(0x30a, from: 5)
    if mode != .machine {
      code += Encode.loadAddress(5, address(tables) >> 12) + Encode.immediate(0x13, 0, 6, 0, 8)
      code +=
        Encode.immediate(0x13, 1, 6, 6, 60) + Encode.register(0x33, 6, 0, 5, 5, 6) + write(0x180, from: 5)
      code += Encode.word(0x1200_0073)  // sfence.vma
    }
    // FS = dirty, MPP = the chunks' mode.
    code += Encode.loadAddress(5, 0x6000 | mode.privilege << 11) + write(0x300, from: 5)
    code += Encode.loadAddress(5, address(firstChunk)) + write(0x341, from: 5)
    // Every register starts with a value from the first window; every chunk moves a stride on before it starts.
    code += Encode.loadAddress(Reserved.windowMiddle, address(windows + RandomInstructions.windowSize / 2))
    for register in 0..<32 as Range<UInt32> {
      code += Encode.immediate(0x07, 3, register, Reserved.windowMiddle, Int(register) * 8)
      if register < Reserved.rounds {
        code += Encode.immediate(0x03, 3, register, Reserved.windowMiddle, -256 + Int(register) * 8)
      }
    }
    code += write(3, from: 0) + write(0x340, from: 0) + write(0x140, from: 0)
    let firstWindow = mode == .machine ? address(windows) : windowsVirtual
    code += Encode.loadAddress(
      Reserved.windowMiddle, firstWindow + UInt64(RandomInstructions.windowSize / 2) - UInt64(windowStride))
    code += Encode.loadAddress(Reserved.log, address(logOffset))
    return code + Encode.word(0x3020_0073)  // mret
  }

  /// Records the trap and skips the instruction.
  static var trapHandler: [UInt16] {
    let log = Reserved.log
    func store(_ register: UInt32, _ slot: Int) -> [UInt16] { Encode.store(0x23, 3, log, register, 8 * slot) }
    func load(_ register: UInt32, _ slot: Int) -> [UInt16] {
      Encode.immediate(0x03, 3, register, log, 8 * slot)
    }
    var code = store(28, 1) + store(29, 2)
    for (slot, register) in [(3, 0x342), (4, 0x343), (5, 0x300), (6, 0x341)] {
      code += Encode.immediate(0x73, 2, 28, 0, register) + store(28, slot)
    }
    // What a breakpoint leaves in mtval is not the same everywhere (see GuestLog); chunks read it.
    code += Encode.immediate(0x73, 1, 0, 0, 0x343)
    // Two bytes on, or four if the low bits of the first parcel are ones.
    code += Encode.immediate(0x03, 5, 29, 28, 0) + Encode.immediate(0x13, 7, 29, 29, 3)
    code += Encode.immediate(0x13, 0, 29, 29, -3) + Encode.immediate(0x13, 3, 29, 29, 1)
    code += Encode.immediate(0x13, 1, 29, 29, 1) + Encode.immediate(0x13, 0, 29, 29, 2)
    code += Encode.register(0x33, 0, 0, 28, 28, 29) + Encode.immediate(0x73, 1, 0, 28, 0x341)
    code += Encode.immediate(0x13, 0, 28, 0, GuestLog.trapTag) + store(28, 0)
    code += load(28, 1) + load(29, 2) + Encode.immediate(0x13, 0, log, log, 8 * GuestLog.trapWords)
    return code + Encode.word(0x3020_0073)  // mret
  }

  /// Records all registers: the tag, x1 to x30, f0 to f31, fcsr, x31 being the log's own.
  static func registerRecord(tag: Int) -> [UInt16] {
    let log = Reserved.log
    var code: [UInt16] = []
    for register in 1...30 as ClosedRange<UInt32> {
      code += Encode.store(0x23, 3, log, register, 8 * Int(register))
    }
    for register in 0..<32 as Range<UInt32> {
      code += Encode.store(0x27, 3, log, register, 8 * (31 + Int(register)))
    }
    code += Encode.immediate(0x73, 2, 29, 0, 3) + Encode.store(0x23, 3, log, 29, 8 * 63)
    code += Encode.loadAddress(29, UInt64(tag)) + Encode.store(0x23, 3, log, 29, 0)
    return code + Encode.immediate(0x13, 0, log, log, 8 * GuestLog.chunkWords)
  }

  /// Closes the log and tells the test finisher that all is well.
  static var finish: [UInt16] {
    var code = Encode.immediate(0x13, 0, 5, 0, GuestLog.endTag) + Encode.store(0x23, 3, Reserved.log, 5, 0)
    code += Encode.loadAddress(5, 0x10_0000) + Encode.loadAddress(6, 0x5555)
    code += Encode.store(0x23, 2, 5, 6, 0)
    return code + Encode.jump(0, 0)
  }

  /// A root table that maps devices and RAM one to one with gigabyte pages, then the windows' two tables.
  static func pageTables(
    mode: Mode, windows: Int, windowPages: Int, tables: Int, _ random: inout RandomInstructions
  ) -> [UInt64] {
    func entry(_ physical: UInt64, _ flags: UInt64) -> UInt64 { (physical >> 12) << 10 | flags }
    let (valid, readWrite, execute, user, accessed, dirty): (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) =
      (1, 6, 8, 0x10, 0x40, 0x80)
    let open = valid | readWrite | accessed | dirty | (mode == .user ? user : 0)
    let base = ramBase + UInt64(tables)
    var root = [UInt64](repeating: 0, count: 512)
    root[0] = entry(0, open)
    root[Int(windowsVirtual >> 30)] = entry(base + 4096, valid)
    root[Int(ramBase >> 30)] = entry(ramBase, open | execute)
    var middle = [UInt64](repeating: 0, count: 512)
    middle[0] = entry(base + 8192, valid)
    var leaves = [UInt64](repeating: 0, count: 512)
    // Each window page stands for another physical page.
    var order = Array(0..<windowPages)
    for index in order.indices.dropFirst() { order.swapAt(index, random.below(index + 1)) }
    for (index, page) in order.enumerated() {
      var flags = open
      if random.oneIn(2) { flags &= ~dirty }
      if random.oneIn(3) { flags &= ~(accessed | dirty) }
      switch random.below(16) {
      case 0: flags &= ~4  // read-only
      case 1: flags ^= user
      case 2: flags &= ~valid
      case 3: flags &= ~2  // writable but not readable: reserved
      default: break
      }
      leaves[index] = entry(ramBase + UInt64(windows + page * 4096), flags)
    }
    return root + middle + leaves
  }
}
