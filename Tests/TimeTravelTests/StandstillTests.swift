// SPDX-License-Identifier: Apache-2.0

import Emulator
import Execution
import RecordingStore
import TestSupport
import Testing
import TimeTravel

/// Guests that can never go on are told so, and no others.
@Suite struct StandstillTests {
  /// Instruction words, by hand: the guests are a few lines each.
  enum Word {
    static let jumpToZero: UInt32 = 0x0000_0067
    static let jumpToItself: UInt32 = 0x0000_006f
    static let wfi: UInt32 = 0x1050_0073
    static let mret: UInt32 = 0x3020_0073
    static let ecall: UInt32 = 0x0000_0073
    static func jump(_ offset: Int) -> UInt32 {
      let bits = UInt32(truncatingIfNeeded: offset)
      return (bits >> 20 & 1) << 31 | (bits >> 1 & 0x3ff) << 21 | (bits >> 11 & 1) << 20
        | (bits >> 12 & 0xff) << 12 | 0x6f
    }
    static func addi(_ rd: UInt32, _ rs1: UInt32, _ value: Int) -> UInt32 {
      UInt32(truncatingIfNeeded: value) << 20 | rs1 << 15 | rd << 7 | 0x13
    }
    static func auipc(_ rd: UInt32, _ upper: UInt32 = 0) -> UInt32 { upper << 12 | rd << 7 | 0x17 }
    static func lui(_ rd: UInt32, _ upper: UInt32) -> UInt32 { upper << 12 | rd << 7 | 0x37 }
    static func csrw(_ csr: UInt32, _ rs1: UInt32) -> UInt32 { csr << 20 | rs1 << 15 | 0x1073 }
    static func csrr(_ rd: UInt32, _ csr: UInt32) -> UInt32 { csr << 20 | rd << 7 | 0x2073 }
    static func csrwi(_ csr: UInt32, _ value: UInt32) -> UInt32 { csr << 20 | value << 15 | 0x5073 }
    static func sd(_ rs2: UInt32, _ rs1: UInt32) -> UInt32 { rs2 << 20 | rs1 << 15 | 3 << 12 | 0x23 }
    static func ld(_ rd: UInt32, _ rs1: UInt32) -> UInt32 { rs1 << 15 | 3 << 12 | rd << 7 | 0x03 }
    static func bnez(_ rs1: UInt32, _ offset: UInt32) -> UInt32 { rs1 << 15 | 1 << 12 | offset << 7 | 0x63 }
  }

  struct Program: CustomTestStringConvertible, Sendable {
    var name: String
    var harts = 1
    var words: [UInt32]
    /// A part of what is told when it is lost; nil for one that is not.
    var told: String?
    var testDescription: String { name }
  }

  /// t0 = 5, t1 = 6, sp = 2, ra = 1, s0 = 8.
  static let lost = [
    Program(
      name: "jumps to unmapped 0", words: [Word.jumpToZero],
      told:
        "hart 0 traps for ever at pc 0x0 (instruction access fault, cause 1, value 0x0): mtvec is 0x0, where its trap handler"
    ),
    Program(
      name: "spins", words: [Word.jumpToItself],
      told: "hart 0 jumps to itself at pc 0x80000000 with no interrupt that could end it"),
    Program(
      name: "spins in three instructions", words: [Word.addi(0, 0, 0), Word.addi(5, 0, 1), Word.jump(-8)],
      told: "hart 0 goes round in 3 instructions at pc 0x8000000"),
    Program(
      name: "its handler faults",
      words: [Word.auipc(5), Word.addi(5, 5, 20), Word.csrw(0x305, 5), Word.addi(2, 0, 0), Word.jumpToZero]
        + [Word.addi(6, 2, -16), Word.sd(1, 6)],
      told:
        "hart 0 traps for ever at pc 0x80000018 (store access fault, cause 7, value 0xfffffffffffffff0): mtvec is 0x80000014, "
        + "and its trap handler comes to no end"),
    Program(
      name: "stores what is there",
      words: [Word.auipc(5, 1), Word.addi(6, 0, 1), Word.sd(6, 5), Word.sd(0, 5), Word.jump(-12)],
      told: "hart 0 goes round in 4 instructions"),
    Program(
      name: "two harts spin", harts: 2, words: [Word.jumpToItself],
      told: "end of its program?); hart 1 jumps to itself at pc 0x80000000"),
    Program(
      name: "one waits", harts: 2,
      words: [Word.csrr(5, 0xf14), Word.bnez(5, 8), Word.jumpToItself, Word.wfi],
      told: "hart 1 waits at pc 0x80000010"),
  ]

  static let well = [
    Program(name: "counts", words: [Word.addi(8, 8, 1), Word.jump(-4)]),
    Program(
      name: "counts in memory",
      words: [
        Word.auipc(5, 1), Word.ld(6, 5), Word.addi(6, 6, 1), Word.sd(6, 5), Word.addi(6, 0, 0),
        Word.jump(-16),
      ]),
    Program(name: "reads the clock", words: [Word.csrr(5, 0xc01), Word.addi(5, 0, 0), Word.jump(-8)]),
    Program(
      name: "polls the serial port",
      words: [Word.lui(5, 0x10000), Word.addi(5, 5, 0), 0x0052_8303, Word.jump(-4)]),
    Program(
      // Its handler goes behind the call, and the program counts them.
      name: "calls and is served",
      words: [
        Word.auipc(5), Word.addi(5, 5, 24), Word.csrw(0x305, 5), Word.ecall, Word.addi(8, 8, 1),
        Word.jump(-8),
      ]
        + [Word.csrr(6, 0x341), Word.addi(6, 6, 4), Word.csrw(0x341, 6), Word.mret]),
    Program(
      // mtimecmp is far away, but the interrupt is on.
      name: "waits for a timer and spins",
      words: [
        Word.lui(5, 0x2004), Word.lui(6, 0x7ff00), Word.sd(6, 5), Word.addi(6, 0, 128), Word.csrw(0x304, 6),
      ]
        + [Word.csrwi(0x300, 8), Word.jumpToItself]),
    Program(
      name: "one spins, one counts", harts: 2,
      words: [Word.csrr(5, 0xf14), Word.bnez(5, 8), Word.jumpToItself, Word.addi(8, 8, 1), Word.jump(-4)]),
  ]

  private func guest(_ program: Program, _ folder: TestFolder, _ engine: Machine.Engine = .automatic) throws
    -> Guest
  {
    let bytes = program.words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
    var guest = Guest(name: "guest", memorySize: 4 << 20, hartCount: program.harts, shift: 3, sleeps: false)
    try guest.load(.bios, from: folder.write("guest.bin", bytes))
    guest.engine = engine
    return guest
  }

  @Test(arguments: lost, [Machine.Engine.interpreter, .automatic])
  func oneThatCanNeverGoOnIsAtItsEnd(_ program: Program, _ engine: Machine.Engine) throws {
    let folder = TestFolder()
    let result = try PlainRun(guest(program, folder, engine), inbox: Inbox(), console: NullConsoleOutput())
      .run(limit: 100_000_000) { Issue.record("\($0)") }
    #expect(result.ending.reason == .lost)
    #expect(result.ending.note?.contains(program.told ?? "") == true, "\(result.ending.note ?? "")")
    // The interpreter alone is where the others are to be.
    let other = try PlainRun(
      guest(program, folder, .interpreter), inbox: Inbox(), console: NullConsoleOutput()
    ).run()
    #expect(other.ending == result.ending)
  }

  @Test(arguments: lost) func theRecordingSaysSoAndReplays(_ program: Program) throws {
    let folder = TestFolder()
    let path = folder.file("guest.rr")
    let recorder = try Recorder(
      guest(program, folder), Recorder.Options(output: path, digestInterval: 1_000_000), inbox: Inbox(),
      console: NullConsoleOutput())
    let result = try recorder.run(limit: 100_000_000)
    let plain = try PlainRun(guest(program, folder), inbox: Inbox(), console: NullConsoleOutput()).run()
    #expect(result.ending == plain.ending)
    let recording = try Recording(opening: path)
    #expect(recording.manifest.ending == result.ending && recording.manifest.state == .complete)
    for engine in [Machine.Engine.interpreter, .automatic] {
      #expect(try Timeline(recording, engine: engine).run() == .end(.stalled))
    }
    let timeline = try Timeline(recording)
    try timeline.run(until: 3_000_000)
    try timeline.createSnapshot("middle")
    #expect(try Timeline(recording, from: "middle").run() == .end(.stalled))
  }

  @Test(arguments: well, [Machine.Engine.interpreter, .automatic])
  func oneThatMayGoOnIsLeftAlone(_ program: Program, _ engine: Machine.Engine) throws {
    let result = try PlainRun(
      guest(program, TestFolder(), engine), inbox: Inbox(), console: NullConsoleOutput()
    )
    .run(limit: 60_000_000) { Issue.record("\($0)") }
    #expect(result.ending.reason == .limit)
  }

  /// While somebody may type or reset, it is told, once, and runs on.
  @Test func oneThatCouldBeHelpedRunsOn() throws {
    let inbox = Inbox()
    inbox.openSource()
    var told: [String] = []
    let result = try PlainRun(guest(Self.lost[1], TestFolder()), inbox: inbox, console: NullConsoleOutput())
      .run(limit: 60_000_000) { told.append($0) }
    #expect(result.ending.reason == .limit)
    #expect(
      told.count == 1 && told[0].hasPrefix("lost at position 8,000,001: hart 0 jumps to itself"), "\(told)")
  }

  /// With an interrupt that input brings, nobody can say.
  @Test func oneThatInputInterruptsIsLeftAlone() throws {
    let inbox = Inbox()
    inbox.openSource()
    let program = Program(
      name: "external interrupts on",
      words: [
        Word.lui(5, 1), Word.addi(5, 5, -2048), Word.csrw(0x304, 5), Word.csrwi(0x300, 8), Word.jumpToItself,
      ])
    let result = try PlainRun(guest(program, TestFolder()), inbox: inbox, console: NullConsoleOutput())
      .run(limit: 60_000_000) { Issue.record("\($0)") }
    #expect(result.ending.reason == .limit)
    let alone = try PlainRun(guest(program, TestFolder()), inbox: Inbox(), console: NullConsoleOutput()).run()
    #expect(alone.ending.reason == .lost)
  }

  /// A handler whose stack runs down changes something each time: it is told, and not ended.
  @Test(arguments: [Machine.Engine.interpreter, .automatic]) func aStormOfTrapsIsTold(
    _ engine: Machine.Engine
  ) throws {
    let program = Program(
      name: "stack runs down",
      words: [Word.auipc(5), Word.addi(5, 5, 16), Word.csrw(0x305, 5), Word.jumpToZero]
        + [Word.addi(2, 2, -256), Word.sd(1, 2)])
    var told: [String] = []
    let result = try PlainRun(
      guest(program, TestFolder(), engine), inbox: Inbox(), console: NullConsoleOutput()
    )
    .run(limit: 60_000_000) { told.append($0) }
    #expect(result.ending.reason == .limit)
    #expect(
      told.count == 1 && told[0].contains("times in a row at pc 0x80000014 (store access fault"), "\(told)")
  }

  @Test func bothEnginesAtOnceFindIt() throws {
    let result = try LockstepRun(
      guest(Self.lost[0], TestFolder()), inbox: Inbox(), console: NullConsoleOutput()
    )
    .run(limit: 100_000_000)
    #expect(result.ending.reason == .lost)
  }
}
