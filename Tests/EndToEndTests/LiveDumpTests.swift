// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// `rrtool dump --monitor`: cores of guests that other rrtools run.
@Suite struct LiveDumpTests {
  private func start(_ scratch: Scratch) throws -> HostProgram {
    let program = try scratch.start([
      Place.tool.path, "run", "--bios", Place.guest("churn"), "--memory", "32M", "--qmp",
      "unix:" + scratch.path("m.sock"),
    ])
    try program.wait(for: "churn: ")
    return program
  }

  private func stop(_ program: HostProgram, _ scratch: Scratch) throws {
    #expect(
      try scratch.rrtool("monitor", scratch.path("m.sock"), "info", "status").text == "VM status: running\n")
    #expect(try scratch.rrtool("monitor", scratch.path("m.sock"), "quit").status == 0)
    #expect(try program.waitForResult().status == 0)
  }

  private func names(_ scratch: Scratch) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path)
      .filter { !$0.hasPrefix(".") && $0 != "m.sock" }.sorted()
  }

  @Test func writesCoresOfAGuestThatRuns() throws {
    let scratch = try Scratch()
    let program = try start(scratch)
    let socket = scratch.path("m.sock")
    let elf = try scratch.rrtool(
      "dump", "--monitor", "unix:" + socket, "--bandwidth", "400M", "-o", scratch.path("core"))
    #expect(elf.status == 0 && elf.errors.contains("core: the guest at position "), "\(elf.errors)")
    let limits = try scratch.rrtool("monitor", socket, "info", "migrate_parameters")
    #expect(limits.text.contains("max-bandwidth: no limit"), "the limit was for the dump")
    let kdump = try scratch.rrtool(
      "dump", "--monitor", socket, "--format", "kdump-zlib", "-o", scratch.path("kdump"), "--begin",
      "0x80100000",
      "--length", "1M")
    #expect(kdump.status == 0, "\(kdump.errors)")
    #expect(try names(scratch) == ["core", "kdump"])
    #expect(try scratch.bytes("core").count > 32 << 20)
    #expect(try scratch.bytes("kdump").starts(with: Array("KDUMP   ".utf8)))

    let again = try scratch.rrtool("dump", "--monitor", socket, "-o", scratch.path("core"))
    #expect(again.status == 1 && again.errors.contains("there is a file already"), "\(again.errors)")
    for wrong in [["--at", "5"], ["--force"], ["name.rr"], ["--bandwidth", "0"]] {
      let result = try scratch.rrtool(["dump", "--monitor", socket, "-o", scratch.path("other")] + wrong)
      #expect(result.status == 64, "\(wrong): \(result.errors)")
    }
    #expect(try scratch.rrtool("dump", "-o", scratch.path("other")).status == 64)
    #expect(try names(scratch) == ["core", "kdump"])
    try stop(program, scratch)
  }

  @Test func isCancelledByCtrlCAndDetached() throws {
    let scratch = try Scratch()
    let program = try start(scratch)
    let socket = scratch.path("m.sock")
    let slow = try scratch.start([
      Place.tool.path, "dump", "--monitor", socket, "--bandwidth", "10K", "-o", scratch.path("slow"),
    ])
    try waitUntil("the dump has begun") { try !names(scratch).isEmpty }
    slow.send(SIGINT)
    let cancelled = try slow.waitForResult()
    #expect(
      cancelled.status == 1 && cancelled.errors.contains("the dump was cancelled"), "\(cancelled.errors)")
    #expect(try names(scratch) == [])

    let detached = try scratch.rrtool("dump", "--monitor", socket, "--detach", "-o", scratch.path("core"))
    #expect(detached.status == 0 && detached.errors.contains("info dump"), "\(detached.errors)")
    try waitUntil("the dump is complete") {
      try scratch.rrtool("monitor", socket, "info", "dump").text.contains("Status: completed")
    }
    #expect(try names(scratch) == ["core"])
    try stop(program, scratch)
  }

  /// How far a dump is shows on a terminal, and goes away when the dump ends.
  @Test func showsOnATerminalHowFarItIs() throws {
    let scratch = try Scratch()
    let program = try start(scratch)
    let driver = Place.project.appending(path: "Tests/EndToEndTests/dump_on_terminal.py").path
    let result = try scratch.run(
      ["python3", "-B", driver, Place.tool.path, scratch.path("m.sock"), scratch.path("core")], seconds: 120)
    #expect(result.status == 0, "\(result.text)\(result.errors)")
    #expect(try names(scratch) == ["core"])
    try stop(program, scratch)
  }
}
