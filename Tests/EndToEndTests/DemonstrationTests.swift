// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The demonstration: the guest that is built in, and the story that `make demo` tells.
@Suite struct DemonstrationTests {
  /// The script checks each of its steps and fails at the first that is wrong.
  @Test func makeDemoTellsItsStory() throws {
    let scratch = try Scratch()
    let result = try scratch.run([
      "env", "RRTOOL=\(Place.tool.path)", "DEMO_FOLDER=\(scratch.path("demo"))",
      Place.project.appending(path: "Scripts/demo").path,
    ])
    #expect(result.status == 0, "\(result.errors)\(result.text)")
    #expect(result.text.contains("LEDGER CORRUPTED"))
    #expect(result.text.contains("last-good-audit"))
  }

  /// A run with no bug is as replayable as one with it; some of either come within a few tries.
  @Test func everyRunReplays() throws {
    let scratch = try Scratch()
    for run in 0..<6 {
      let recorded = try scratch.rrtool("record", "-o", scratch.path("\(run).rr"))
      #expect(recorded.status == (recorded.text.contains("LEDGER CORRUPTED") ? 1 : 0), "\(recorded.errors)")
      #expect(recorded.text.contains("LEDGER CORRUPTED") || recorded.text.contains("ledger balanced"))
      try scratch.expectReplay("\(run).rr", equals: recorded)
    }
  }

  /// From a snapshot anywhere, the run ends in the same state: the digests in the log are compared on the way.
  @Test func goesOnFromSnapshots() throws {
    let scratch = try Scratch()
    let recorded = try scratch.rrtool("record", "-o", scratch.path("run.rr"))
    let end = try scratch.summary(scratch.path("run.rr")).run.endPosition
    var expected: [String: UInt64] = ["replay_init": 0]
    for (name, place) in [("quarter", "25%"), ("middle", "event:20"), ("third", "1,234,567")] {
      let created = try scratch.rrtool("snapshot", "create", name, scratch.path("run.rr"), "--at", place)
      #expect(created.status == 0, "\(created.errors)")
      let summary = try scratch.summary(scratch.path("run.rr"))
      expected[name] = try #require(summary.snapshots.first { $0.name == name }).position
    }
    #expect(expected["quarter"] == end / 4)
    #expect(expected["third"] == 1_234_567)
    try scratch.expectSoundFiles("run.rr")
    #expect(try scratch.snapshots(of: scratch.path("run.rr/vmstate.qcow2")) == expected)
    #expect(try scratch.snapshots(of: scratch.path("run.rr/disk0.qcow2")) == expected)

    for name in expected.keys {
      let replayed = try scratch.rrtool("replay", scratch.path("run.rr"), "--from", name)
      #expect(replayed.status == recorded.status, "\(name): \(replayed.errors)")
      #expect(replayed.errors.contains("the same as recorded"))
      #expect(recorded.output.suffix(replayed.output.count) == replayed.output[...])
    }

    #expect(try scratch.rrtool("snapshot", "delete", "middle", scratch.path("run.rr")).status == 0)
    expected["middle"] = nil
    #expect(try scratch.snapshots(of: scratch.path("run.rr/disk0.qcow2")) == expected)
    try scratch.expectSoundFiles("run.rr")
    try scratch.expectReplay("run.rr", equals: recorded)
  }

  /// The recording that is not named is the latest one.
  @Test func latestRecordingNeedsNoName() throws {
    let scratch = try Scratch()
    let recorded = try scratch.rrtool("record")
    let replayed = try scratch.rrtool("replay")
    #expect(replayed.output == recorded.output)
    #expect(replayed.status == recorded.status)
  }

  @Test func eventsAreInOrderAndFiltered() throws {
    let scratch = try Scratch()
    _ = try scratch.rrtool("record", "-o", scratch.path("run.rr"))
    struct Event: Decodable {
      let position: UInt64
      let kind: String
    }
    let result = try scratch.rrtool("inspect", scratch.path("run.rr"), "events", "--format", "ndjson")
    let events = try result.lines.map { try JSONDecoder().decode(Event.self, from: Data($0.utf8)) }
    #expect(events.map(\.position) == events.map(\.position).sorted())
    #expect(
      Set(events.map(\.kind)).isSuperset(of: [
        "clock-read", "entropy-read", "block-request", "block-completion",
      ]))

    let filtered = try scratch.rrtool(
      "inspect", scratch.path("run.rr"), "events", "--kind", "entropy-read", "--from", "50%", "--format",
      "ndjson")
    let wanted = events.filter { $0.kind == "entropy-read" && $0.position >= events.last!.position / 2 }
    #expect(filtered.lines.count == wanted.count)
  }
}
