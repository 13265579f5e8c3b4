// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// An unmodified Debian kernel with a busybox initramfs and a disk. `make test` builds it before.
@Suite struct DebianTests {
  private static let folder = Place.project.appending(path: ".scratch/debian")

  private func options(_ name: String = "initrd-work.gz") throws -> [String] {
    let folder = Self.folder
    try #require(
      FileManager.default.fileExists(atPath: folder.appending(path: ".built-from").path),
      "the Debian guest is missing: run 'make test', or fixtures/debian/make-guest")
    return [
      "--memory", "512M", "--kernel", folder.appending(path: "vmlinuz").path,
      "--initrd", folder.appending(path: name).path, "--append", "console=ttyS0",
      "--drive", "file=\(folder.appending(path: "disk.raw").path)",
    ]
  }

  private func expectWorkDone(_ recorded: ProgramResult) {
    #expect(recorded.status == 0, "\(recorded.errors)")
    for expected in [
      "disk md5 039cc2bbe98a46133a2d9cac02431443", "counted to 50000", "entropy from virtio_rng.0",
      "disk md5 after writing 50d927184e99f6a3dde19e4eb4f2caca", "WORK-DONE",
    ] {
      #expect(recorded.text.contains(expected), "\(recorded.text.suffix(2000))")
    }
  }

  @Test(arguments: [(harts: 1, replays: 3), (harts: 2, replays: 1)])
  func workReplaysAsRecorded(harts: Int, replays: Int) throws {
    let scratch = try Scratch()
    let recorded = try scratch.rrtool(
      ["record", "-o", scratch.path("run.rr"), "--smp", String(harts)] + options(), seconds: 900)
    expectWorkDone(recorded)
    #expect(recorded.text.contains("\(harts) harts"))
    // A replay compares digests of the whole state on its way, so "the same as recorded" includes them.
    for _ in 0..<replays { try scratch.expectReplay("run.rr", equals: recorded) }
    try scratch.expectSoundFiles("run.rr")
    #expect(try scratch.summary(scratch.path("run.rr")).run.logComplete)
  }

  @Test func killedInTheMiddleReplaysToTheLastBlock() throws {
    let scratch = try Scratch()
    let program = try scratch.start(
      [Place.tool.path, "record", "-o", scratch.path("run.rr")] + options())
    try program.wait(for: "counted to")
    let killed = try program.killed()

    let replayed = try scratch.rrtool("replay", scratch.path("run.rr"), seconds: 900)
    #expect(replayed.status == 0, "\(replayed.errors)")
    #expect(replayed.errors.contains("incomplete"))
    #expect(killed.output.starts(with: replayed.output))
    #expect(replayed.text.contains("Linux version"), "the log was not written while the guest ran")
    try scratch.expectSoundImages("run.rr")
  }

  /// A core of Linux by its virtual addresses: what the kernel says about itself leads gdb to its name and release, and the
  /// program counter of each hart to its instructions.
  @Test func gdbReadsACoreOfLinuxByVirtualAddresses() throws {
    let scratch = try Scratch()
    // Well into the kernel's start, past where it describes itself.
    let recorded = try scratch.rrtool(
      ["record", "-o", scratch.path("run.rr"), "--smp", "2", "--max-instructions", "1_200_000_000"]
        + options("initrd-shell.gz"), seconds: 900)
    try #require(recorded.status == 0, "\(recorded.errors)")
    let core = scratch.path("vmcore")
    let dumped = try scratch.rrtool("dump", scratch.path("run.rr"), "--at", "end", "--paging", "-o", core)
    try #require(dumped.status == 0, "\(dumped.errors)")

    let text = String(decoding: try scratch.bytes("vmcore").prefix(1 << 20), as: UTF8.self)
    func value(_ key: String) throws -> String {
      let start = try #require(text.range(of: key + "=", options: .backwards), "no VMCOREINFO")
      return String(text[start.upperBound...].prefix { $0 != "\n" })
    }
    let names = try value("SYMBOL(init_uts_ns)")
    let release = try value("OSRELEASE")
    let shown = try scratch.run([
      "gdb-multiarch", "-batch", "-nx", "-ex", "set architecture riscv:rv64", "-ex", "core-file \(core)",
      // struct new_utsname: names of 65 bytes each.
      "-ex", "x/s 0x\(names)", "-ex", "x/s 0x\(names) + 130",
      "-ex", "thread apply all x/i $pc",
    ])
    #expect(shown.text.contains("\"Linux\""), "\(shown.text)\(shown.errors)")
    #expect(shown.text.contains("\"\(release)\""))
    #expect(shown.lines.filter { $0.hasPrefix("=> 0x") }.count == 2)
    #expect(!shown.errors.contains("Cannot access memory"))
  }

  /// The page tables of Linux, as `info mem` walks them, say the same as looking at one address after the other.
  @Test func showsWhatLinuxHasMapped() throws {
    let scratch = try Scratch()
    let recorded = try scratch.rrtool(
      ["record", "-o", scratch.path("run.rr"), "--max-instructions", "1_210_000_000"] + options(),
      seconds: 900)
    try #require(recorded.status == 0, "\(recorded.errors)")
    let program = try scratch.start([
      Place.tool.path, "replay", scratch.path("run.rr"), "--paused", "--qmp",
      "unix:" + scratch.path("m.sock"),
    ])
    let monitor = try MonitorSocket(scratch.path("m.sock"), patience: 300)
    try monitor.negotiate()
    func answer(_ line: String) throws -> String {
      let text = try monitor.ask("human-monitor-command", #"{"command-line": "\#(line)"}"#) as? String
      return try #require(text, "\(line)").replacing("\r\n", with: "\n")
    }
    // Programs of the initramfs run there, in their own address spaces. Between them are moments that are the kernel's.
    var lines: [Substring] = []
    for place in stride(from: 1_200_000_000, through: 1_209_000_000, by: 500_000) {
      #expect(try answer("replay_seek \(place)") == "")
      _ = try monitor.wait(for: "STOP")
      lines = try answer("info mem").split(separator: "\n")
      if lines.contains(where: { $0.contains(" r-xu") }) { break }
    }
    #expect(lines.first == "vaddr            paddr            size             attr")
    let rows = try lines.dropFirst(2).map { line in
      let words = line.split(separator: " ")
      try #require(words.count == 4, "\(line)")
      let numbers = try words[..<3].map { try #require(UInt64($0, radix: 16)) }
      return (virtual: numbers[0], physical: numbers[1], size: numbers[2], attributes: String(words[3]))
    }
    try #require(rows.count > 50, "\(lines)")
    #expect(rows.contains { $0.virtual == 0xffff_ffff_8000_0000 && $0.physical == 0x8020_0000 }, "\(lines)")
    #expect(rows.contains { $0.attributes.hasPrefix("r-xu") }, "no program is mapped")
    #expect(!rows.contains { $0.attributes.hasPrefix("rwx") }, "Linux maps nothing both ways")
    for (row, next) in zip(rows, rows.dropFirst()) { #expect(row.virtual + row.size <= next.virtual) }
    func bytes(_ line: String) throws -> Substring { try answer(line).drop { $0 != " " } }
    var count = 0
    for row in rows {
      for offset in [0, row.size - 8] {
        let seen = try bytes("x /1xg 0x" + String(row.virtual + offset, radix: 16))
        let there = try bytes("xp /1xg 0x" + String(row.physical + offset, radix: 16))
        // A device's registers are not looked at.
        let isDevice = there == " not RAM\n"
        #expect(seen == (isDevice ? " no RAM stands for this address\n" : there), "\(row)")
        if !isDevice { count += 1 }
      }
    }
    #expect(count > rows.count, "most of it is RAM")
    #expect(try monitor.ask("quit") != nil)
    #expect(try program.waitForResult().status == 0)
  }
}
