// SPDX-License-Identifier: Apache-2.0

import Emulator
import Foundation
import Testing

/// Which registers there are in M mode, and which bits each keeps of what is written: fixtures/registers, a file for each model, with
/// a line for each register that can be read: number, value at first, then after ones, zeros, 5555... and aaaa... were written. It was
/// held against QEMU 10.0.13 line by line; docs/guest-machine.md lists what differs.
@Suite struct RegisterBitsTests {
  private typealias I = Instruction
  private typealias R = Register
  private typealias C = ControlRegister

  private static let written: [UInt64] = [.max, 0, 0x5555_5555_5555_5555, 0xaaaa_aaaa_aaaa_aaaa]
  private static let table = ramBase + (2 << 20)
  private static let rowSize = 64
  /// They go on counting.
  private static let counting: Set<Int> = [0xb00, 0xb02, 0xc00, 0xc01, 0xc02]
  /// Locked entries would stay so, whatever is written next.
  private static let protections = 0x3a0..<0x3b0
  private static let locks: UInt64 = 0x8080_8080_8080_8080

  @Test(arguments: ProcessorModel.allCases, Machine.Engine.both)
  func bitsAreKeptAsListed(_ processor: ProcessorModel, engine: Machine.Engine) throws {
    let program = program()
    let machine = makeMachine(program, memorySize: 4 << 20, processor: processor, engine: engine)
    while machine.programCounter(hart: 0) != program.address(of: "end") {
      _ = machine.run(until: machine.now.position + 100)
      try #require(machine.now.position < 1_000_000)
    }
    let lines = (0..<4096).compactMap { line($0, machine) }
    let listed = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../../fixtures/registers/\(processor.rawValue).txt")
    let expected = try String(contentsOf: listed, encoding: .utf8).split(separator: "\n").map(String.init)
    for (ours, theirs) in zip(lines, expected) { #expect(ours == theirs) }
    #expect(lines.count == expected.count, "\(lines.joined(separator: "\n"))")
  }

  /// As on QEMU, since the fifth revision.
  @Test(arguments: ProcessorModel.allCases, MachineRevision.allCases.filter { $0 >= .second })
  func memoryTypesAreOnAtFirst(_ processor: ProcessorModel, _ revision: MachineRevision) {
    let machine = makeMachine(program: [0x6f, 0, 0, 0], processor: processor, revision: revision)
    let (adue, pbmte): (UInt64, UInt64) = (1 << 61, 1 << 62)
    let kept = (processor == .rva22s64 ? 0 : adue) | (processor == .rv64 || revision < .fifth ? 0 : pbmte)
    #expect(machine.controlAndStatusRegister(C.menvcfg, hart: 0) == kept)
  }

  private func line(_ register: Int, _ machine: Machine) -> String? {
    func slot(_ index: Int) -> UInt64 {
      machine.doubleword(Self.table + UInt64(register * Self.rowSize + index * 8))
    }
    // Word 0 counts the traps: of the first read, or of all writes to what can only be read.
    guard slot(5) != 0 else { return nil }
    let values = (0...Self.written.count).map { String(slot($0), radix: 16) }
    let name = String(register, radix: 16)
    if Self.counting.contains(register) { return "\(name) counts" }
    return slot(6) == 0 ? "\(name) \(values.joined(separator: " "))" : "\(name) \(values[0]), read only"
  }

  /// For each number a row: the values read, whether the first read succeeded, and how many traps there were after it.
  private func program() -> Assembly {
    var program = Assembly()
    program.loadAddress(R.t0, "handler")
    program.emit(I.csrw(C.mtvec, R.t0))
    program.load(R.s1, Self.table)
    for register in 0..<4096 {
      let next = "after \(register)"
      program.emit(I.addi(R.t2, 0, 0), I.csrr(R.s0, register))
      program.branch(.notEqual, R.t2, 0, next)
      program.emit(I.sd(R.s0, R.s1), I.addi(R.t1, 0, 1), I.sd(R.t1, R.s1, 40))
      for (index, value) in Self.written.enumerated() {
        program.load(R.t1, Self.protections.contains(register) ? value & ~Self.locks : value)
        program.emit(I.csrw(register, R.t1), I.csrr(R.t3, register), I.csrw(register, R.s0))
        program.emit(I.sd(R.t3, R.s1, 8 + index * 8))
      }
      program.emit(I.sd(R.t2, R.s1, 48))
      program.label(next)
      program.emit(I.addi(R.s1, R.s1, Self.rowSize))
    }
    program.label("end")
    program.jump("end")
    program.align(4)
    program.label("handler")
    program.emit(I.addi(R.t2, R.t2, 1), I.csrr(R.t0, C.mepc), I.addi(R.t0, R.t0, 4))
    program.emit(I.csrw(C.mepc, R.t0), I.mret)
    return program
  }
}
