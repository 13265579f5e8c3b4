// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// What a debugger is shown, and where it is let stop, packet by packet.
@Suite struct DebugDetailTests {
  private func record(_ scratch: Scratch, _ words: [UInt32], _ options: String...) throws {
    let guest = try scratch.file(
      "guest.bin", words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } })
    let result = try scratch.rrtool(
      ["record", "-o", scratch.path("run.rr"), "--bios", guest, "--memory", "16M"] + options)
    try #require(result.status == 0, "\(result.errors)")
  }

  private func register(_ number: Int, _ client: DebugClient) throws -> UInt64? {
    DebugClient.register(try client.request("p" + String(number, radix: 16)))
  }

  /// `pmpaddr0` = -1, `pmpcfg0` = 0x1f, and a jump to itself.
  private let openProtection: [UInt32] = [0xfff0_0293, 0x3b02_9073, 0x01f0_0293, 0x3a02_9073, 0x0000_006f]

  @Test func protectionIsShown() throws {
    let scratch = try Scratch()
    try record(scratch, openProtection, "--max-instructions", "1000")
    let client = try DebugClient(scratch, replaying: "run.rr", "--to", "end")
    #expect(try register(65 + 0x3a0, client) == 0x1f)
    #expect(try register(65 + 0x3b0, client) == 1 << 54 - 1)
    #expect(try register(65 + 0x3bf, client) == 0)
    #expect(try client.detach().status == 0)
  }

  /// What the description has can be read of every hart, whatever its processor is.
  @Test(arguments: [
    (processor: "rv64", harts: 1), ("rv64", 4), ("rva22s64", 2), ("max", 1), ("max", 8),
  ])
  func everyRegisterThatIsDescribedCanBeRead(processor: String, harts: Int) throws {
    let scratch = try Scratch()
    try record(scratch, openProtection, "--cpu", processor, "--smp", "\(harts)", "--max-instructions", "1000")
    let client = try DebugClient(scratch, replaying: "run.rr", "--to", "end")
    var description = ""
    while true {
      let offset = String(description.utf8.count, radix: 16)
      let part = try client.request("qXfer:features:read:target.xml:\(offset),1000")
      description += part.dropFirst()
      if part.first != "m" { break }
    }
    let registers = description.matches(of: #/<reg name="(\w+)"[^>]* regnum="(\d+)"/#)
    #expect(registers.count > 32 + 1 + 32 + 40)
    for hart in 0..<harts {
      _ = try client.request("Hg\(hart + 1)")
      for register in registers {
        let value = try self.register(try #require(Int(register.2)), client)
        #expect(value != nil, "\(register.1) of hart \(hart)")
      }
    }
    #expect(registers.contains { $0.1 == "scountovf" } == (processor == "max"))
    #expect(try client.detach().status == 0)
  }

  /// Whoever knows the command's name is told how it goes.
  @Test func commandsSayWhatTheyTake() throws {
    let scratch = try Scratch()
    try record(scratch, openProtection, "--max-instructions", "1000")
    let client = try DebugClient(scratch, replaying: "run.rr")
    for (typed, wanted) in [
      ("interrupts", "'interrupts step over|into'"), ("interrupts step", "'interrupts step over|into'"),
      ("interrupts step out", "'interrupts step over|into'"), ("seek", "'seek POSITION'"),
      ("last", "'last ADDRESS [LENGTH]' or 'last $REGISTER'"), ("back 3", "'back'"),
      ("info registers", "'info checkpoints'"), ("delete 3", "'delete checkpoint N'"),
    ] {
      let told = try client.monitor(typed)
      #expect(told.hasPrefix(typed + ": ") && told.contains(wanted), "\(told)")
      #expect(told.split(separator: "\n").count == 1 && !told.contains("no command"), "\(told)")
    }
    #expect(try client.monitor("nonsense").contains("is no command"))
    let help = try client.monitor("help")
    for word in ["seek", "back", "forward", "last", "go", "interrupts", "xp"] {
      #expect(help.split(separator: "\n").contains { $0.hasPrefix(word) }, "\(word)")
    }
    #expect(try client.detach().status == 0)
  }

  @Test func registersOfDevicesAreShown() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("idle"), "--memory", "16M")
    let client = try DebugClient(scratch, replaying: "run.rr", "--to", "50%")
    let position = try client.position()
    let ticks = try #require(DebugClient.register(try client.request("m200bff8,8")))
    #expect(ticks > position * 8 / 100, "time that was slept through counts")
    #expect(try client.request("m10000005,1") == "60")
    #expect(try client.request("m10001000,4") == "76697274")
    #expect(try client.request("mc000028,4") == "00000000")
    #expect(try client.request("m101000,4").hasPrefix("E"), "only the outside knows the date")
    #expect(try client.monitor("xp 0x10001000 4").hasSuffix(": 76 69 72 74\n"))
    // Nobody writes to them from here, and the attempt makes no branch.
    #expect(try client.request("M10000000,1:41").hasPrefix("E"))
    #expect(try client.resume("vCont;c").fields["replaylog"] == "end")
    #expect(!client.console.contains("branch"))
    #expect(try client.detach().status == 0)
  }

  /// Where the client puts a hart, a breakpoint has not been seen; where a motion just ended, it has.
  @Test func aBreakpointWhereTheClientGoesIsMet() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("counter"), "--memory", "16M")
    let client = try DebugClient(scratch, replaying: "run.rr", "--to", "50%")
    let pc = try client.programCounter()
    let place = String(pc, radix: 16)
    let digits = (0..<8).map { String(format: "%02x", UInt8(truncatingIfNeeded: pc >> ($0 * 8))) }.joined()
    #expect(try client.request("Z0,\(place),4") == "OK")
    let position = try client.position()
    let passed = try client.resume("vCont;c")
    #expect(try client.position() != position || passed.fields["replaylog"] == "end")
    try client.seek("\(position)")
    #expect(try client.request("P20=\(digits)") == "OK")
    let met = try client.resume("vCont;c")
    #expect(met.pc == pc && met.fields["replaylog"] == nil)
    #expect(try client.position() == position)
    #expect(try client.detach().status == 0)
  }

  /// `addi s0, s0, 1` changes its register each time round; `addi t0, zero, 7` only the first time; nothing writes t1 after that.
  @Test func theLastChangeOfARegisterIsFound() throws {
    let scratch = try Scratch()
    try record(
      scratch, [0x0050_0313, 0x0014_0413, 0x0070_0293, 0xff9f_f06f], "--max-instructions", "30000")
    let client = try DebugClient(scratch, replaying: "run.rr", "--to", "20000")
    let before = try client.request("g")
    func answer(_ text: String) throws -> [String: String] {
      var fields: [String: String] = [:]
      for line in try client.monitor(text).split(separator: "\n") {
        fields[String(line.prefix(17)).trimmingCharacters(in: .whitespaces)] =
          String(line.dropFirst(17)).trimmingCharacters(in: .whitespaces)
      }
      return fields
    }
    let counted = try answer("last $s0")
    let position = try #require(counted["Position"].flatMap { UInt64($0.filter { $0 != "," }) })
    #expect(position < 20_000 && position >= 19_997)
    #expect(counted["Program counter"] == "0x80000004" && counted["Hart"] == "0", "\(counted)")
    #expect(counted["Instruction"]?.contains("s0,s0,1") == true, "\(counted)")
    #expect(try client.request("g") == before, "it stands where it stood")
    for name in ["x8", "fp"] { #expect(try answer("last $\(name)")["Position"] == counted["Position"]) }
    let constant = try answer("last $t0")
    #expect(constant["Program counter"] == "0x80000008" && constant["New value"] == "0x7", "\(constant)")
    #expect(try client.monitor("go").contains("Position \(constant["Position"] ?? "") of"))
    #expect(try client.programCounter() == 0x8000_0008)
    try client.seek("20000")
    #expect(try answer("last $t1")["Program counter"] == "0x80000000")
    #expect(try client.monitor("last $s11").contains("nobody"))
    #expect(try client.monitor("last $mcycle").contains("is no register"))
    #expect(try client.monitor("last $nothing").contains("is no register"))
    #expect(try client.detach().status == 0)
  }

  /// A timer interrupt every 200 ticks, and an `ecall` each time round; both come back to the loop.
  private let interrupted: [UInt32] = [
    0x0000_0297,  // auipc t0, 0
    0x0482_8293,  // addi t0, t0, 72
    0x3052_9073,  // csrw mtvec, t0
    0x0200_49b7,  // lui s3, 0x2004
    0x0800_0313,  // addi t1, zero, 128
    0x3043_1073,  // csrw mie, t1
    0x0010_0437,  // lui s0, 0x100: so many times round; cut short below
    0x00c4_5413,  // srli s0, s0, 12: 256
    0x0044_1413,  // slli s0, s0, 4: 4096
    0x3004_5073,  // csrwi mstatus, 8
    0x0000_0073,  // 40: ecall
    0xfff4_0413,  // addi s0, s0, -1
    0xfe04_1ce3,  // bnez s0, -8
    0x0010_0a13,  // 52: addi s4, zero, 1
    0x0000_006f,  // j .
    0x0000_0013, 0x0000_0013, 0x0000_0013,
    0x3420_2373,  // 72: csrr t1, mcause
    0x0203_4463,  // bltz t1, +40: to the interrupt
    0x3410_2373,  // csrr t1, mepc
    0x0043_0313,  // addi t1, t1, 4
    0x3413_1073,  // csrw mepc, t1
    0x001a_8a93,  // addi s5, s5, 1
    0x3020_0073,  // mret
    0x0000_0013, 0x0000_0013, 0x0000_0013, 0x0000_0013,
    0x0200_c3b7,  // 116: lui t2, 0x200c
    0xff83_b383,  // ld t2, -8(t2): mtime
    0x0c83_8393,  // addi t2, t2, 200
    0x0079_b023,  // sd t2, 0(s3)
    0x001b_0b13,  // addi s6, s6, 1
    0x3020_0073,  // mret
  ]

  @Test func aLineIsSteppedThroughInterruptsAndTraps() throws {
    let scratch = try Scratch()
    try record(scratch, interrupted, "--max-instructions", "400000")
    let client = try DebugClient(scratch, replaying: "run.rr")
    #expect(try client.request("Z1,80000028,4") == "OK")
    _ = try client.resume("vCont;c")
    #expect(try client.request("z1,80000028,4") == "OK")
    let start = try client.position()
    // Until the loop is left, whatever comes in between.
    let stop = try client.resume("vCont;r80000028,80000034:1")
    #expect(stop.pc == 0x8000_0034, "\(stop)")
    #expect(try register(21, client) == 4096)
    #expect(try #require(try register(22, client)) > 10, "interrupts came")
    #expect(try register(8, client) == 0)
    // A breakpoint in the handler is met on the way.
    try client.seek("\(start)")
    #expect(try client.request("Z1,80000074,4") == "OK")
    #expect(try client.resume("vCont;r80000028,80000034:1").pc == 0x8000_0074)
    #expect(try client.request("z1,80000074,4") == "OK")
    // Who wants to see them.
    try client.seek("\(start)")
    #expect(try client.monitor("interrupts step into").isEmpty)
    #expect(try client.resume("vCont;r80000028,80000034:1").pc == 0x8000_0048)
    #expect(try client.monitor("interrupts step over").isEmpty)
    #expect(try client.monitor("interrupts step out").contains("interrupts step over|into"))
    // Single steps show everything.
    try client.seek("\(start)")
    #expect(try client.resume("vCont;s:1").pc == 0x8000_0048)
    #expect(try client.detach().status == 0)
  }
}
