// SPDX-License-Identifier: Apache-2.0

// The fixed code around the chunks.
extension RandomProgram {
  private typealias Reserved = RandomInstructions.Reserved

  /// Bytes kept for `start`.
  static let startLength = 1024

  /// Sets up the machine and goes to the first chunk in its mode.
  static func start(tables: RandomPageTables, handler: Int, firstChunk: Int) -> [UInt16] {
    let mode = tables.mode
    let environment = tables.environment
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
    // menvcfg and senvcfg
    code += Encode.immediate(0x13, 0, 5, 0, environment.machine >> 61) + Encode.immediate(0x13, 1, 5, 5, 61)
    code += Encode.immediate(0x13, 6, 5, 5, environment.machine & 0x7ff) + write(0x30a, from: 5)
    if environment.hasSupervisor {
      code += Encode.immediate(0x13, 0, 5, 0, environment.supervisor) + write(0x10a, from: 5)
    }
    if mode != .machine {
      code += Encode.loadAddress(5, address(tables.offset) >> 12)
      code += Encode.immediate(0x13, 0, 6, 0, tables.translationMode)
      code +=
        Encode.immediate(0x13, 1, 6, 6, 60) + Encode.register(0x33, 6, 0, 5, 5, 6) + write(0x180, from: 5)
      code += Encode.word(0x1200_0073)  // sfence.vma
    }
    // FS = dirty, MPP = the chunks' mode.
    code += Encode.loadAddress(5, 0x6000 | mode.privilege << 11) + write(0x300, from: 5)
    code += Encode.loadAddress(5, address(firstChunk)) + write(0x341, from: 5)
    // Every register starts with a value from the first window.
    code += Encode.loadAddress(
      Reserved.windowMiddle, address(windowsOffset + RandomInstructions.windowSize / 2))
    for register in 0..<32 as Range<UInt32> {
      code += Encode.immediate(0x07, 3, register, Reserved.windowMiddle, Int(register) * 8)
      if register < Reserved.rounds {
        code += Encode.immediate(0x03, 3, register, Reserved.windowMiddle, -256 + Int(register) * 8)
      }
    }
    code += write(3, from: 0) + write(0x340, from: 0) + write(0x140, from: 0)
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
}
