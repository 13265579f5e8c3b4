// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// `rrtool inspect last-write`.
@Suite struct LastWriteTests {
  private struct Answer: Decodable {
    struct Write: Decodable {
      let writer: String
      let position: UInt64
      let pc: String?
      let symbol: String?
      let address: String?
      let old: String?
      let new: String?
    }
    let lastWrite: Write
  }

  private func ask(_ scratch: Scratch, _ words: String...) throws -> Answer.Write {
    let result = try scratch.rrtool(
      ["inspect", scratch.path("run.rr"), "last-write"] + words + ["--format", "json"])
    try #require(result.status == 0, "\(result.errors)")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Answer.self, from: Data(result.output)).lastWrite
  }

  /// From write to write back to the start, on the demonstration guest with its symbols.
  @Test func aWordsHistoryGoesBackToTheLoader() throws {
    let scratch = try Scratch()
    _ = try scratch.rrtool("record", "-o", scratch.path("run.rr"))
    let symbols = Place.project.appending(path: "fixtures/guests/built/ledger.debug").path
    // The accounts of the first branch: data that starts as zero.
    let names = try scratch.run(["nm", symbols]).lines
    let line = try #require(names.first { $0.hasSuffix(" branches") })
    let address = "0x" + line.prefix(16)
    let balance = try #require(UInt64(line.prefix(16), radix: 16)) + 8
    let word = "0x\(String(balance, radix: 16)),8"
    var write = try ask(scratch, word, "--symbols", symbols)
    for _ in 0..<5 {
      #expect(
        write.writer == "instruction" && write.address == word.split(separator: ",").first.map(String.init))
      #expect(write.symbol != nil && write.pc?.hasPrefix("0x8000") == true)
      let earlier = try ask(scratch, word, "--before", "\(write.position)", "--symbols", symbols)
      #expect(earlier.position < write.position)
      #expect(earlier.new == write.old, "nothing was written in between")
      write = earlier
    }
    let virtual = try ask(scratch, word, "--virtual", "1", "--before", "\(write.position + 1)")
    #expect(virtual.position == write.position && virtual.symbol == nil)
    #expect(try ask(scratch, address, "--before", "0").writer == "nobody")
    #expect(try ask(scratch, "0x80000000,4").writer == "loader")
    let table = try scratch.rrtool(
      "inspect", scratch.path("run.rr"), "last-write", word, "--symbols", symbols)
    #expect(table.text.contains("Written by") && table.text.contains("Symbol"))
  }

  @Test func questionsThatMakeNoSense() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("hello"))
    let questions = [
      ["0x10"], ["0x80000000,0"], ["0x80000000,2000000"], ["0xfffffffffffffff0,32"], ["80000000x"],
      ["0x80000000,"],
      ["0x80000000,1,2"], [], ["0x80000000", "more"], ["0x80000000", "--virtual", "7"],
      ["0x80000000", "--virtual", "0", "--physical"], ["0x80000000", "--before", "nowhere-at-all"],
      ["0x80000000", "--symbols", scratch.path("run.rr") + "/recording.json"],
      ["0x80000000", "--symbols", scratch.path("missing")],
    ]
    for question in questions {
      let result = try scratch.rrtool(["inspect", scratch.path("run.rr"), "last-write"] + question)
      #expect((1...64).contains(result.status), "\(question): \(result.text)")
      #expect(result.output.isEmpty && result.errors.hasPrefix("rrtool: "), "\(question): \(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1, "\(question): \(result.errors)")
    }
  }
}
