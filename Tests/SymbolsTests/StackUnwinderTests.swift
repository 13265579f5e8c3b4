// SPDX-License-Identifier: Apache-2.0

import Symbols
import TestSupport
import Testing

/// Stacks by call frame information, by frame pointers and by `ra`, and where they end.
@Suite struct StackUnwinderTests {
  /// Memory by words, with code wherever it is asked for.
  private func reader(_ words: [UInt64: UInt64], calls: Set<UInt64> = []) -> (UInt64, Int) -> [UInt8] {
    { address, count in
      // `jalr ra, ra` in front of each return address.
      if calls.contains(address &+ 4) { return [0xe7, 0x80, 0, 0] }
      guard count == 8, let word = words[address] else { return [] }
      return (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
    }
  }

  private func registers(pc: UInt64, _ values: [Int: UInt64]) -> StackUnwinder.Registers {
    StackUnwinder.Registers(integers: (0..<32).map { values[$0] ?? 0 }, programCounter: pc)
  }

  /// `sleep_until` of the ledger, called by the frame of `guest_main`, whose rules are for a stack of 176 bytes.
  @Test func rulesLeadToTheCaller() throws {
    let file = try #require(try DebugFile(path: Programs.ledger))
    let symbols = try SymbolTable(try readFile(Programs.ledger))
    let (stack, back) = (UInt64(0x8000_8000), UInt64(0x8000_0220))
    let unwinder = StackUnwinder(
      files: [(file, 0)], function: symbols.owner(of:),
      read: reader([stack + 0xb0 - 8: 0x8000_00a6, stack + 0xb0 - 16: 0x1234]))
    let result = unwinder.frames(from: registers(pc: 0x8000_12d2, [1: back, 2: stack, 8: 7]), limit: 10)
    #expect(result.frames.map(\.programCounter) == [0x8000_12d2, back, 0x8000_00a6])
    #expect(result.frames.map(\.stackPointer) == [stack, stack, stack + 0xb0])
    #expect(result.frames.map(\.finder) == [.registers, .rules, .rules])
    // The first instructions are assembled, and have no rules; s0 leads nowhere.
    #expect(result.end == .unknown)
    let cut = unwinder.frames(from: registers(pc: 0x8000_12d2, [1: back, 2: stack]), limit: 2)
    #expect(cut.frames.count == 2 && cut.end == .limit)
    let gone = StackUnwinder(files: [(file, 0)], function: symbols.owner(of:), read: reader([:]))
    #expect(gone.frames(from: registers(pc: back, [2: stack]), limit: 9).end == .unreadable)
    // Elsewhere than it was linked for.
    let moved = StackUnwinder(
      files: [(file, 0x1000)], function: { symbols.owner(of: $0 &- 0x1000) },
      read: reader([stack + 0xb0 - 8: 0, stack + 0xb0 - 16: 0]))
    let end = moved.frames(from: registers(pc: 0x8000_22d2, [1: back + 0x1000, 2: stack]), limit: 9)
    #expect(end.frames.count == 2 && end.end == .noCaller)
  }

  @Test func framePointersLeadOnWithoutRules() {
    let words: [UInt64: UInt64] = [
      0x1038: 0x204, 0x1030: 0x1080, 0x1078: 0x304, 0x1070: 0x10c0, 0x10b8: 0x404, 0x10b0: 0x10c0,
    ]
    let names = { (address: UInt64) -> String? in (0x100..<0x500).contains(address) ? "f\(address >> 8)" : nil
    }
    let unwinder = StackUnwinder(
      files: [], function: names, read: reader(words, calls: [0x204, 0x304, 0x404]))
    let result = unwinder.frames(from: registers(pc: 0x110, [2: 0x1000, 8: 0x1040]), limit: 10)
    #expect(result.frames.map(\.programCounter) == [0x110, 0x204, 0x304, 0x404])
    #expect(result.frames.dropFirst().allSatisfy { $0.finder == .framePointer })
    #expect(result.end == .unknown, "the last one leads to itself")
    // What is there is no address behind a call.
    let wrong = StackUnwinder(files: [], function: names, read: reader(words, calls: []))
    #expect(wrong.frames(from: registers(pc: 0x110, [2: 0x1000, 8: 0x1040]), limit: 10).frames.count == 1)
  }

  @Test func aFunctionThatHasCalledNothingReturnsToRa() {
    let names = { (address: UInt64) -> String? in (0x100..<0x500).contains(address) ? "f\(address >> 8)" : nil
    }
    let unwinder = StackUnwinder(files: [], function: names, read: reader([:], calls: [0x204, 0x108]))
    let result = unwinder.frames(from: registers(pc: 0x110, [1: 0x204, 2: 0x1000]), limit: 10)
    #expect(
      result.frames.map(\.programCounter) == [0x110, 0x204] && result.frames[1].finder == .returnAddress)
    // `ra` of a call that is over leads back into the function.
    let over = unwinder.frames(from: registers(pc: 0x110, [1: 0x108, 2: 0x1000]), limit: 10)
    #expect(over.frames.count == 1 && over.end == .unknown)
    #expect(unwinder.frames(from: registers(pc: 0x110, [1: 0x999, 2: 0x1000]), limit: 10).frames.count == 1)
  }

  /// What is on the way into a trap has the registers of what was interrupted, which has not called it.
  @Test func theWayIntoTrapsHasNoCaller() {
    let names = { (address: UInt64) -> String? in (0x100..<0x500).contains(address) ? "f\(address >> 8)" : nil
    }
    for vector in [0x100, 0x300] as [UInt64] {
      let unwinder = StackUnwinder(
        files: [], trapVectors: [0, vector], function: names, read: reader([:], calls: [0x204]))
      let result = unwinder.frames(from: registers(pc: 0x110, [1: 0x204, 2: 0x1000]), limit: 10)
      #expect(result.frames.count == (vector == 0x100 ? 1 : 2))
      #expect(result.end == (vector == 0x100 ? .trapEntry : .unknown))
    }
  }

  /// Whatever a guest has in its registers and on its stack, the walk ends.
  @Test func stacksOfNoise() throws {
    let file = try #require(try DebugFile(path: Programs.ledger))
    let symbols = try SymbolTable(try readFile(Programs.ledger))
    let seed = UInt64.random(in: 0 ... .max)
    print("stacks of noise: seed \(seed)")
    var random = SeededGenerator(seed: seed)
    for _ in 0..<300 {
      let noise = (0..<512).map { _ in UInt64.random(in: 0x8000_0000..<0x8000_16ce, using: &random) & ~1 }
      let unwinder = StackUnwinder(
        files: [(file, 0)], function: symbols.owner(of:),
        read: { address, count in
          (0..<count).map { index in
            let place = address &+ UInt64(index)
            return UInt8(truncatingIfNeeded: noise[Int(place >> 3 & 511)] >> ((place & 7) * 8))
          }
        })
      let pc = UInt64.random(in: 0x8000_0000..<0x8000_16ce, using: &random) & ~1
      let result = unwinder.frames(
        from: registers(pc: pc, [1: noise[0], 2: 0x8000_8000, 8: 0x8000_8010 + UInt64(noise[1] & 0xff8)]),
        limit: 50)
      #expect((1...50).contains(result.frames.count))
      let rising = zip(result.frames, result.frames.dropFirst()).dropFirst()
      #expect(rising.allSatisfy { $0.stackPointer < $1.stackPointer })
    }
  }
}
