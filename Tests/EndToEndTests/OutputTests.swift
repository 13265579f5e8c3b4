// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// What a command has to say arrives, or it says that it did not.
@Suite struct OutputTests {
  private func shell(_ scratch: Scratch, _ line: String, _ arguments: String...) throws -> ProgramResult {
    try scratch.run(["sh", "-c", line, Place.tool.path] + arguments)
  }

  @Test func aFullDiskIsNoSuccess() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("hello"), "--memory", "16M")
    let path = scratch.path("run.rr")
    for words in [
      "--help", "--version", "help record", "ls", "inspect $1", "inspect $1 events --format ndjson",
      "inspect $1 console", "inspect $1 chart", "inspect $1 stats --format json", "snapshot list $1",
      "snapshot show replay_init $1", "verify $1", "verify $1 --format json", "replay $1",
      "run --bios $2 --memory 16M", "record -o $1.2 --bios $2 --memory 16M",
      "run --bios $2 --memory 16M --serial file:/dev/full",
    ] {
      // `ls` has something to show.
      _ = try scratch.run(["cp", "-r", path, scratch.path("traces")])
      let result = try shell(scratch, "\"$0\" \(words) >/dev/full", path, Place.guest("hello"))
      #expect(result.status == 1, "\(words): \(result.errors)")
      #expect(result.errors.contains("not all could be written: No space left"), "\(words): \(result.errors)")
    }
    // Whoever has read enough is no failure.
    let quiet = try shell(scratch, "trap '' PIPE; \"$0\" inspect \"$1\" events | true", path)
    #expect(quiet.status == 0 && quiet.errors.isEmpty, "\(quiet.errors)")
  }

  /// What rrtool says of the end stands on a line of its own where both go to one place, and the guest's bytes are its own elsewhere.
  @Test func theEndIsToldOnALineOfItsOwn() throws {
    let scratch = try Scratch()
    let words = "run --bios $1 --memory 16M --stop-on 'hello: st'"
    let told = "rrtool: stopped at position"
    let (bios, log) = (Place.guest("hello"), scratch.path("log"))
    for line in ["\"$0\" \(words) 2>&1", "\"$0\" \(words) >\"$2\" 2>&1; cat \"$2\""] {
      let both = try shell(scratch, line, bios, log)
      #expect(both.text.contains("hello: st\n\(told)"), "\(both.text)")
    }
    let apart = try shell(scratch, "\"$0\" \(words)", bios)
    #expect(apart.text.hasSuffix("hello: st") && apart.errors.hasPrefix(told), "\(apart.everything)")
    // The result has standard output for itself.
    let result = try shell(scratch, "\"$0\" \(words) --format json", bios)
    #expect(result.errors.contains("hello: st\n\(told)"), "\(result.errors)")
    // Nothing is told, and nothing is added.
    let silent = try shell(
      scratch,
      "\"$0\" record -o \"$2.rr\" --bios $1 --memory 16M >/dev/null 2>&1; \"$0\" inspect \"$2.rr\" console 2>&1",
      bios, log)
    #expect(silent.text == (try shell(scratch, "\"$0\" run --bios $1 --memory 16M 2>&1", bios).text))
  }

  /// One line for wrong words.
  @Test func wrongUsageIsOneLine() throws {
    let scratch = try Scratch()
    for words in [["record", "--sideways"], ["inspect", "--limit", "many"], ["walk"], ["dump"], ["rm"]] {
      let result = try scratch.rrtool(words)
      #expect(result.status == 64 && result.output.isEmpty, "\(words): \(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1, "\(words): \(result.errors)")
      #expect(result.errors.hasPrefix("rrtool: "), "\(words): \(result.errors)")
    }
  }

  /// What the host does not give is told in a line; nothing traps.
  @Test func aHostThatGivesLittle() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("hello"), "--memory", "16M")
    for limits in [
      "ulimit -v 600000", "ulimit -v 240000", "ulimit -v 220000", "ulimit -v 210000", "ulimit -v 200000",
      "ulimit -n 4", "ulimit -n 6", "ulimit -n 12", "ulimit -n 40",
      "ulimit -f 8",
    ] {
      for words in ["record --force -o $1.2 --bios $2 --memory 1G", "replay $1", "verify $1"] {
        let result = try shell(
          scratch, "\(limits); exec \"$0\" \(words)", scratch.path("run.rr"), Place.guest("hello"))
        #expect(
          result.status == 0 || result.status == 1, "\(limits), \(words): \(result.status) \(result.errors)")
        if result.status == 1 {
          #expect(result.errors.hasPrefix("rrtool: "), "\(limits), \(words): \(result.errors)")
        }
      }
    }
    let before = try scratch.rrtool("verify", scratch.path("run.rr"))
    #expect(before.status == 0, "\(before.errors)")
  }

  /// A script that waits for a prompt gets to see it, although the guest goes on polling for the answer.
  @Test func aPromptWithoutALineIsShown() throws {
    let scratch = try Scratch()
    let recorder = try scratch.start([
      Place.tool.path, "record", "-o", scratch.path("run.rr"), "--bios", Place.guest("drain"), "--memory",
      "16M",
    ])
    try recorder.wait(for: "drain> ")
    try recorder.type("abc\u{4}")
    let recorded = try recorder.waitForResult()
    #expect(recorded.text.contains("3 bytes"))
    try scratch.expectReplay("run.rr", equals: recorded)
  }

  /// All of an input comes that is larger than everything between the pipe and the guest.
  @Test func tenMegabytesThroughAPipe() throws {
    let scratch = try Scratch()
    var input: [UInt8] = []
    for index in 0..<10_000_000 {
      let letter: Int = (index * 7 + index / 251) % 90
      input.append(UInt8(32 + letter))
    }
    var hash: UInt64 = 5381
    for byte in input { hash = hash &* 33 &+ UInt64(byte) }
    _ = try scratch.file("in", input + [4])
    let recorded = try shell(
      scratch, "cat \"$3\" | \"$0\" record -o \"$1\" --bios \"$2\" --memory 16M", scratch.path("run.rr"),
      Place.guest("drain"), scratch.path("in"))
    #expect(
      recorded.text.contains("10000000 bytes, hash \(String(hash, radix: 16))"), "\(recorded.everything)")
    try scratch.expectReplay("run.rr", equals: recorded)
  }
}
