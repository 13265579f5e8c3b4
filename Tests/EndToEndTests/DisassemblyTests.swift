// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The monitor's `x /i` beside gdb's.
@Suite(
  .enabled(
    if: FileManager.default.isExecutableFile(atPath: "/usr/bin/gdb-multiarch"), "gdb-multiarch is not there"))
struct DisassemblyTests {
  /// Words with the major opcodes that the machine has something for, and compressed ones, at random.
  private func words(seed: UInt64, count: Int) -> [UInt8] {
    let opcodes: [UInt32] = [
      0x03, 0x07, 0x0f, 0x13, 0x17, 0x1b, 0x23, 0x27, 0x2f, 0x33, 0x37, 0x3b, 0x43, 0x47, 0x4b, 0x4f, 0x53,
      0x63,
      0x67, 0x6f, 0x73,
    ]
    var random = SeededGenerator(seed: seed)
    var bytes: [UInt8] = []
    for index in 0..<count {
      var word = UInt32.random(in: 0...UInt32.max, using: &random)
      let length: Int
      if index % 3 == 0 {
        if word & 3 == 3 { word &= ~1 }
        length = 2
      } else {
        word = word & ~0x7f | opcodes.randomElement(using: &random)!
        // What is fixed in many encodings is so often enough.
        switch index % 5 {
        case 0: word &= 0x01ff_ffff
        case 1:
          word =
            word & 0x01ff_ffff | [0x40, 0x02, 0x20, 0x60, 0x10, 0x08, 0x04, 0x30].randomElement(
              using: &random)! << 24
        case 2: word &= ~(31 << 20)
        case 3: word &= ~(31 << [7, 15].randomElement(using: &random)!)
        default: break
        }
        length = 4
      }
      bytes += (0..<length).map { UInt8(truncatingIfNeeded: word >> (8 * UInt32($0))) }
    }
    return bytes
  }

  /// Address and text of each instruction of what `x /i` printed, in one spelling.
  private func gdb(_ text: String) -> [(UInt64, String)] {
    text.split(separator: "\n").compactMap { line in
      guard let colon = line.firstIndex(of: ":"),
        let address = UInt64(line[..<colon].split(separator: " ").last?.dropFirst(2) ?? "", radix: 16)
      else { return nil }
      let code = line[line.index(after: colon)...].split(separator: "#")[0]
      return (address, code.split { $0 == "\t" || $0 == " " }.joined(separator: " "))
    }
  }

  private func ours(_ text: String) -> [(UInt64, String)] {
    text.split(separator: "\n").compactMap { line in
      let parts = line.split(separator: " ")
      guard parts.count > 2, let address = UInt64(parts[0].dropLast(), radix: 16) else { return nil }
      return (address, parts[2...].joined(separator: " "))
    }
  }

  /// gdb leaves out the `i` of immediate operands.
  private func spelledAsGDBDoes(_ text: String) -> String {
    let names = [
      "addi", "addiw", "andi", "ori", "xori", "slli", "srli", "srai", "slliw", "srliw", "sraiw", "csrrwi",
      "csrrsi",
      "csrrci", "csrwi", "csrsi", "csrci",
    ]
    let name = text.prefix { $0 != " " }
    guard names.contains(String(name)) else { return text }
    return name.filter { $0 != "i" } + text[name.endIndex...]
  }

  private func compare(_ scratch: Scratch, image: String, count: Int, seed: UInt64 = 0) throws {
    let socket = scratch.path("m.sock")
    let program = try scratch.start([
      Place.tool.path, "run", "--bios", image, "--memory", "16M", "--paused", "--qmp", "unix:" + socket,
    ])
    try waitUntil("the monitor listens") { try scratch.rrtool("monitor", socket, "info", "name").status == 0 }
    let shown = try scratch.rrtool("monitor", socket, "x", "/\(count)i", "0x80000000")
    let core = try scratch.rrtool("dump", "--monitor", socket, "-o", scratch.path("core"))
    #expect(core.status == 0, "\(core.errors)")
    #expect(try scratch.rrtool("monitor", socket, "quit").status == 0)
    #expect(try program.waitForResult().status == 0)
    let theirs = try scratch.run([
      "gdb-multiarch", "-nx", "-batch", "-ex", "set architecture riscv:rv64", "-ex",
      "core " + scratch.path("core"),
      "-ex", "x/\(count)i 0x80000000",
    ])
    let expected = gdb(theirs.text)
    let found = ours(shown.text)
    #expect(found.count == count && expected.count >= count, "\(theirs.errors)")
    var known = 0
    for (mine, its) in zip(found, expected) {
      #expect(mine.0 == its.0, "seed \(seed)")
      // What the machine does not know gdb may, which in turn is not told of the extensions for bits and shows hints as they
      // are. It also knows more CSRs.
      if mine.1.hasPrefix(".") || its.1.hasPrefix(".") || its.1.hasPrefix("c.") { continue }
      if mine.1.hasPrefix("csr"), mine.1.contains("0x") { continue }
      known += 1
      #expect(spelledAsGDBDoes(mine.1) == its.1, "seed \(seed)")
    }
    #expect(known > count / 3)
  }

  @Test(arguments: ["ledger", "bench-nbody", "diskcheck", "traps"]) func showsGuestsAsGDBDoes(name: String)
    throws
  {
    let scratch = try Scratch()
    try compare(scratch, image: Place.guest(name), count: 700)
  }

  @Test(arguments: [1, 2] as [UInt64]) func showsRandomWordsAsGDBDoes(seed: UInt64) throws {
    let scratch = try Scratch()
    let image = try scratch.file("words", words(seed: seed, count: 3000))
    try compare(scratch, image: image, count: 3000, seed: seed)
  }
}
