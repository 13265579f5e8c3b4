import Foundation
import Testing

/// A recorder that is killed leaves a recording that is good up to the last complete member of its log.
@Suite struct KillTests {
  @Test(arguments: [1, 2]) func killedRecorderLeavesWhatWasWritten(harts: Int) throws {
    let scratch = try Scratch()
    // A guest that never ends: it waits for a line that does not come. Its log is written out all the same.
    let program = try scratch.start([
      Place.tool.path, "record", "-o", scratch.path("run.rr"), "--bios", Place.guest("ledger"), "--smp",
      String(harts), "--drive", "file=\(try scratch.disk("disk.raw", sectors: 2048))", "--icount", "shift=10",
    ])
    try program.wait(for: "day  2")
    kill(program.process.processIdentifier, SIGKILL)
    program.process.waitUntilExit()
    let killed = try program.result()
    try #require(killed.status == 128 + SIGKILL, "it ended by itself")

    let before = try scratch.contents(below: "run.rr")
    let replayed = try scratch.rrtool("replay", scratch.path("run.rr"))
    #expect(replayed.status == 0, "\(replayed.errors)")
    #expect(replayed.errors.contains("incomplete"))
    #expect(killed.output.starts(with: replayed.output))
    #expect(try scratch.rrtool("inspect", scratch.path("run.rr")).text.contains("incomplete"))
    #expect(
      try scratch.contents(below: "run.rr")["replay.log"] == before["replay.log"], "a replay changes no log")
    try scratch.expectSoundImages("run.rr")
  }
}
