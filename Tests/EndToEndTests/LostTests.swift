// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Guests that can never go on: told in a line, with an exit status of their own, and in the recording.
@Suite struct LostTests {
  private func guest(_ scratch: Scratch, _ words: UInt32...) throws -> String {
    try scratch.file(
      "guest.bin", words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } })
  }

  @Test(arguments: [
    (
      "a jump to where nothing is", 0x0000_0067 as UInt32,
      "traps for ever at pc 0x0 (instruction access fault"
    ),
    ("a jump to itself", 0x0000_006f, "jumps to itself at pc 0x80000000"),
  ]) func aLostGuestIsTold(_ name: String, _ word: UInt32, _ text: String) throws {
    let scratch = try Scratch()
    let guest = try guest(scratch, word)
    for engine in ["interpreter", "auto", "lockstep"] {
      let run = try scratch.rrtool("run", "--bios", guest, "--engine", engine)
      #expect(
        run.status == 4
          && run.errors.contains("stopped at position 8,000,001: the guest is lost: hart 0 \(text)"))
    }
    let recorded = try scratch.rrtool("record", "-o", scratch.path("run.rr"), "--bios", guest, "--smp", "2")
    #expect(recorded.status == 4 && recorded.errors.contains(text), "\(recorded.errors)")
    #expect(recorded.errors.split(separator: "\n").count == 1, "\(recorded.errors)")
    for engine in ["interpreter", "auto"] {
      let replayed = try scratch.rrtool("replay", scratch.path("run.rr"), "--engine", engine)
      #expect(replayed.status == 4 && replayed.errors.contains("the same as recorded"), "\(replayed.errors)")
      #expect(replayed.errors.contains(text))
    }
    #expect(
      try scratch.rrtool("snapshot", "create", "here", scratch.path("run.rr"), "--at", "50%").status == 0)
    #expect(try scratch.rrtool("replay", scratch.path("run.rr"), "--from", "here").status == 4)
    #expect(try scratch.rrtool("verify", scratch.path("run.rr")).status == 0)
    let summary = try scratch.rrtool("inspect", scratch.path("run.rr"))
    #expect(summary.text.contains("stalled") && summary.text.contains(text), "\(summary.text)")
  }

  /// Harts that wait are told with their places.
  @Test func harsThatWaitForEverAreTold() throws {
    let scratch = try Scratch()
    let run = try scratch.rrtool("run", "--bios", guest(scratch, 0x1050_0073, 0xffdf_f06f), "--smp", "2")
    #expect(
      run.status == 4 && run.errors.contains("(hart 0 waits at pc 0x80000004; hart 1 waits at pc 0x80000004)")
    )
  }

  /// Whoever has a monitor can look at it, and reset it.
  @Test func aGuestWithAMonitorRunsOn() throws {
    let scratch = try Scratch()
    let run = try scratch.start([
      Place.tool.path, "run", "--bios", guest(scratch, 0x0000_006f), "--qmp", "unix:\(scratch.path("m"))",
    ])
    let socket = scratch.path("m")
    try waitUntil("the monitor is there") { FileManager.default.fileExists(atPath: socket) }
    #expect(try scratch.rrtool("monitor", socket, "info", "status").text.contains("running"))
    try waitUntil("it is told") { try run.errorsSoFar().contains("It runs on until it is reset or ended.") }
    #expect(try scratch.rrtool("monitor", socket, "quit").status == 0)
    #expect(try run.waitForResult().status == 0)
  }
}
