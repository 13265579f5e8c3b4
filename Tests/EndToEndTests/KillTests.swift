// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// A recorder that is killed leaves a recording that is good up to the last complete member of its log.
@Suite struct KillTests {
  /// The guest waits for a line that does not come, so that it is killed while asleep.
  @Test func sleepingGuest() throws {
    let scratch = try Scratch()
    let program = try scratch.start([
      Place.tool.path, "record", "-o", scratch.path("run.rr"), "--bios", Place.guest("echo"), "--drive",
      "file=\(try scratch.disk("disk.raw", sectors: 2048))",
    ])
    try program.wait(for: "quit ends")
    try program.type("hello\r")
    try program.wait(for: "HELLO")
    // What a guest did is on disk a moment after it did it, also when nothing more happens.
    Thread.sleep(forTimeInterval: 2)
    let killed = try program.killed()

    let before = try scratch.contents(below: "run.rr")
    let replayed = try scratch.rrtool("replay", scratch.path("run.rr"))
    #expect(replayed.status == 0, "\(replayed.errors)")
    #expect(replayed.errors.contains("incomplete"), "\(replayed.errors)")
    #expect(killed.output.starts(with: replayed.output))
    #expect(replayed.text.contains("quit ends"))
    let inspected = try scratch.rrtool("inspect", scratch.path("run.rr"))
    #expect(inspected.status == 0)
    #expect(
      inspected.lines.contains { $0.contains("State") && $0.contains("incomplete: its recorder was killed") })
    #expect(
      try scratch.contents(below: "run.rr")["replay.log"] == before["replay.log"], "a replay changes no log")
    try scratch.expectSoundImages("run.rr")
  }

  /// Killed while one snapshot after the other is being written: those that are there are whole. It is killed some time after
  /// its image lists so many.
  @Test(arguments: [2, 4, 6]) func whileSnapshotsAreWritten(listed: UInt32) throws {
    let scratch = try Scratch()
    let program = try scratch.start([
      Place.tool.path, "record", "-o", scratch.path("run.rr"), "--memory", "16M", "--bios",
      Place.guest("churn"), "--drive", "file=\(try scratch.disk("disk.raw", sectors: 2048))",
      "--snapshot-every", "2_000_000", "--snapshot-limit", "6",
    ])
    let vmstate = scratch.path("run.rr/vmstate.qcow2")
    try waitUntil("\(listed) snapshots are listed") { try snapshotCount(vmstate) >= listed }
    Thread.sleep(forTimeInterval: .random(in: 0...0.1))
    _ = try program.killed()
    for image in ["vmstate.qcow2", "disk0.qcow2"] {
      let check = try scratch.run(["qemu-img", "check", scratch.path("run.rr") + "/" + image])
      // 3: clusters that are counted and not used, and nothing worse.
      #expect(check.status == 0 || check.status == 3, "\(image): \(check.text)\(check.errors)")
    }
    let snapshots = try scratch.summary(scratch.path("run.rr")).snapshots
    let newest = try #require(snapshots.last)
    #expect(snapshots.count > 1 && snapshots.count <= 8 && newest.name.hasPrefix("auto-"))
    for options in [[], ["--from", newest.name]] {
      let replayed = try scratch.rrtool(["replay", scratch.path("run.rr")] + options)
      #expect(replayed.status == 0, "\(options) \(replayed.errors)")
      #expect(replayed.errors.contains("incomplete"), "\(replayed.errors)")
    }
  }

  /// `nb_snapshots` of a qcow2 image's header (QEMU's docs/interop/qcow2.txt): 0 while there is no whole header.
  private func snapshotCount(_ image: String) throws -> UInt32 {
    guard let file = FileHandle(forReadingAtPath: image) else { return 0 }
    defer { try? file.close() }
    let header = try file.read(upToCount: 64) ?? Data()
    guard header.count == 64 else { return 0 }
    return header[60..<64].reduce(0) { $0 << 8 | UInt32($1) }
  }
}
