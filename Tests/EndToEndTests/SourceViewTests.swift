// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Source lines, stacks and names of variables in the views of `rrtool inspect`, on the demonstration guest with its symbols.
@Suite struct SourceViewTests {
  private struct Row: Decodable, Equatable {
    var section: String?
    var position: UInt64?
    var hart: Int?
    var frame: Int?
    var pc: String?
    var symbol: String?
    var function: String?
    var isInlined: Bool?
    var file: String?
    var line: Int?
    var inlined: [String]?
    var caller: String?
    var callerFile: String?
    var callerLine: Int?
    var path: String?
    var number: Int?
    var isHere: Bool?
    var text: String?
    var address: String?
    var foundBy: String?
    var end: String?
    var bytes: String?
    var byteCount: Int?
  }

  private static let symbols = Place.guest("ledger").replacing(".elf", with: ".debug")

  private func recorded() throws -> Scratch {
    let scratch = try Scratch()
    let result = try scratch.rrtool("record", "-o", scratch.path("run.rr"))
    try #require([0, 1].contains(result.status), "\(result.errors)")
    return scratch
  }

  private func rows(_ scratch: Scratch, _ words: String..., symbols: String? = symbols) throws -> [Row] {
    let result = try scratch.rrtool(
      ["inspect", scratch.path("run.rr")] + words + ["--format", "ndjson"]
        + (symbols.map { ["--symbols", $0] } ?? []))
    try #require(result.status == 0 && result.errors.isEmpty, "\(words): \(result.errors)")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try result.lines.map { try decoder.decode(Row.self, from: Data($0.utf8)) }
  }

  /// The line of the sources that this repository has.
  private func line(_ file: String, _ number: Int) throws -> String {
    let path = Place.project.appending(path: "fixtures/\(file)")
    return try String(contentsOf: path, encoding: .utf8).components(separatedBy: "\n")[number - 1]
  }

  @Test func rowsHaveTheirLines() throws {
    let scratch = try recorded()
    let calls = try rows(scratch, "calls", "print,timer_interrupt", "--limit", "60")
    let prints = calls.filter { $0.function == "print" }
    #expect(prints.allSatisfy { $0.file == "guests/runtime/print.c" || $0.file?.hasSuffix(".c") == true })
    for call in prints {
      let begin = try line(try #require(call.file), try #require(call.line))
      #expect(begin.contains("print("), "\(begin)")
      let called = try (0..<4).map {
        try line(try #require(call.callerFile), try #require(call.callerLine) - $0)
      }
      #expect(called.contains { $0.contains("print(") }, "\(called)")
    }
    #expect(
      !prints.isEmpty
        && calls.contains { $0.caller?.hasPrefix("trap_entry+") == true && $0.callerLine != nil })
    let table = try scratch.rrtool(
      "inspect", scratch.path("run.rr"), "calls", "timer_interrupt", "--limit", "1", "--symbols", Self.symbols
    )
    #expect(table.text.contains(#/trap_entry\+0x[0-9a-f]+ \(start\.S:\d+\)/#), "\(table.text)")
    // What was there before stays as it was.
    let named = try rows(scratch, "interrupts", "--limit", "50")
    let plain = try rows(scratch, "interrupts", "--limit", "50", symbols: nil)
    #expect(named.map(\.position) == plain.map(\.position) && plain.allSatisfy { $0.file == nil })
    #expect(named.allSatisfy { $0.symbol?.contains("(") == false } && named.contains { $0.inlined != nil })
    let written = try rows(scratch, "last-write", "branches[0].balances[4]")
    #expect(written.first?.file == "guests/ledger/ledger.c" && written.first?.symbol != nil)
    #expect(try line("guests/ledger/ledger.c", try #require(written.first?.line)).contains("balances["))
    let code = try rows(scratch, "disassembly", "--address", "timer_interrupt", "--count", "4")
    #expect(code.first?.symbol == "timer_interrupt" && code.allSatisfy { $0.line != nil })
    let access = try rows(scratch, "mmio", "--device", "uart", "--limit", "3")
    #expect(access.allSatisfy { $0.file == "guests/runtime/console.c" }, "\(access)")
  }

  @Test func sourcesAreShownWhereTheHartsStand() throws {
    let scratch = try recorded()
    let call = try #require(try rows(scratch, "calls", "block_submit", "--limit", "1").first)
    let place = try #require(call.position)
    let shown = try rows(scratch, "source", "--at", "\(place)", "--around", "2")
    let places = shown.filter { $0.section == "places" }
    #expect(Set(places.compactMap(\.hart)) == [0, 1])
    let own = try #require(places.first { $0.hart == call.hart && $0.frame == 0 })
    #expect(
      own.function == "block_submit" && own.file == "guests/runtime/block.c" && own.line == call.line)
    let lines = shown.filter { $0.section == "lines" && $0.hart == call.hart }
    #expect(lines.count == 5 && lines[2].isHere == true && lines[2].number == own.line)
    for one in lines { #expect(try one.text == line("guests/runtime/block.c", try #require(one.number))) }
    #expect(lines.allSatisfy { $0.path?.hasSuffix("/fixtures/guests/runtime/block.c") == true })
    // Sources that are elsewhere, or nowhere.
    let copy = try scratch.file("copy.debug", FileManager.default.contents(atPath: Self.symbols) ?? Data())
    let missing = try rows(scratch, "source", "--at", "\(place)", symbols: copy)
    #expect(!missing.contains { $0.section == "lines" } && missing.contains { $0.line == own.line })
    let fixtures = Place.project.appending(path: "fixtures").path
    for options in [["--directory", fixtures], ["--source-map", "guests/=\(fixtures)/guests/"]] {
      let result = try scratch.rrtool(
        ["inspect", scratch.path("run.rr"), "source", "--at", "\(place)", "--symbols", copy] + options)
      #expect(result.status == 0 && result.text.contains("void block_submit("), "\(result.text)")
    }
  }

  @Test func stacksAreThoseOfTheCalls() throws {
    let scratch = try recorded()
    // The other hart comes to its branch by a jump that takes the place of `guest_main`.
    let call = try #require(
      try rows(scratch, "calls", "block_submit", "--hart", "0", "--limit", "1").first)
    let hart = try #require(call.hart)
    let shown = try rows(scratch, "backtrace", "--at", "\(try #require(call.position))", "--hart", "\(hart)")
    let frames = shown.filter { $0.section == "frames" }
    #expect(frames.compactMap(\.function).prefix(2) == ["block_submit", "write_record"], "\(frames)")
    #expect(frames.compactMap(\.function).last == "guest_main" && frames.contains { $0.isInlined == true })
    #expect(frames.map(\.frame) == frames.indices.map { $0 })
    #expect(frames.allSatisfy { $0.foundBy == "call-frame-information" || $0.frame == 0 })
    #expect(frames.dropFirst().first?.line == call.callerLine)
    // What called `guest_main` is assembled: it has a symbol alone, and no rules.
    #expect(frames.last?.function == nil && frames.last?.symbol?.hasPrefix("run+") == true, "\(frames)")
    #expect(shown.last?.section == "ends" && shown.last?.end == "no-information")
    let interrupt = try #require(try rows(scratch, "calls", "timer_interrupt", "--limit", "1").first)
    let handler = try rows(
      scratch, "backtrace", "--at", "\(try #require(interrupt.position))", "--hart",
      "\(try #require(interrupt.hart))")
    #expect(handler.compactMap(\.function) == ["this_hart", "this_branch", "timer_interrupt"], "\(handler)")
    #expect(handler.last?.end == "trap-entry")
    // Without symbols there is nothing but the registers.
    let bare = try rows(scratch, "backtrace", "--at", "50%", symbols: nil)
    #expect(bare.filter { $0.section == "frames" }.count == 2 && bare.last?.end == "no-information")
  }

  @Test func variablesAreFoundByName() throws {
    let scratch = try recorded()
    let named = try rows(scratch, "x", "branches[0].balances")
    #expect(named.compactMap(\.byteCount).reduce(0, +) == 64)
    let address = try #require(named.first?.address)
    #expect(try rows(scratch, "x", "\(address),64", symbols: nil) == named)
    #expect(try rows(scratch, "x", "branches+0x8,64") == named)
    let one = try rows(scratch, "last-write", "branches[0].balances[4]")
    let start = try #require(UInt64(address.dropFirst(2), radix: 16)) + 32
    #expect(try rows(scratch, "last-write", "\(start),8") == one)
    for (question, complaint) in [
      (["x", "branches[0].balance"], "did you mean 'balances'"), (["x", "branches[2]"], "has 2 elements"),
      (["x", "brances"], "did you mean 'branches'"), (["x", "device"], "is the name of 2 things"),
      (["last-write", "branches[0"], "is no symbol"), (["x", "branches,0"], "is not from 1 byte"),
      (["x", "branches+x"], "is no address"),
    ] {
      let result = try scratch.rrtool(
        ["inspect", scratch.path("run.rr")] + question + ["--symbols", Self.symbols])
      #expect(result.status == 64 && result.errors.contains(complaint), "\(question): \(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    }
    let none = try scratch.rrtool("inspect", scratch.path("run.rr"), "x", "branches")
    #expect(none.status == 64 && none.errors.contains("there are no symbols"), "\(none.errors)")
  }

  /// Damaged debugging information names nothing wrong and breaks nothing.
  @Test func damagedInformationGivesNoLines() throws {
    let scratch = try recorded()
    let good = [UInt8](FileManager.default.contents(atPath: Self.symbols) ?? Data())
    // From the first section of debugging information on to the table of symbols.
    var bad = good
    for index in 0x1000..<0xab18 { bad[index] = 0xff }
    let path = try scratch.file("bad.debug", bad)
    for view in [["source"], ["backtrace"], ["traps", "--limit", "3"], ["x", "branches,8"]] {
      let result = try scratch.rrtool(
        ["inspect", scratch.path("run.rr")] + view + [
          "--symbols", path, "--force-symbols", "--format", "json",
        ])
      #expect(
        result.status == 0 && !result.text.contains("\"line\""), "\(view): \(result.text)\(result.errors)")
    }
  }
}
