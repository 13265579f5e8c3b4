// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Emulator
import Execution
import Foundation
import HostSystem
import RecordingStore
import ReplayLog
import TestSupport
import TimeTravel

/// Recordings of the fixture guests, for tests of what is done with recordings.
package struct RecordedGuest {
  package let folder = TestFolder()
  package let output = KeptOutput()
  package var result: RunResult
  package var path: String { folder.file("guest.rr") }

  /// Records a guest from `fixtures/guests`; `drives` get to know the test's folder.
  package init(
    _ name: String, harts: Int = 1, input: String? = nil, limit: UInt64? = nil,
    digestInterval: UInt64 = 1_000_000,
    snapshotName: String? = nil, sleeps: Bool = false, snapshots: SnapshotPolicy = SnapshotPolicy(),
    semihosting: String? = nil,
    drives: (TestFolder) throws -> [DriveOptions] = { _ in [] }
  ) throws {
    var guest = Guest(name: name, memorySize: 16 << 20, hartCount: harts, shift: 3, sleeps: sleeps)
    try guest.load(.bios, from: fixture(name))
    guest.drives = try drives(folder)
    guest.semihosting = semihosting
    let inbox = Inbox()
    if let input {
      inbox.serveInput { offer in
        for byte in input.utf8 { offer([byte]) }
      }
    }
    var options = Recorder.Options(
      output: folder.file("guest.rr"), snapshotName: snapshotName, digestInterval: digestInterval,
      snapshots: snapshots)
    options.force = false
    let recorder = try Recorder(guest, options, inbox: inbox, console: output)
    result = try recorder.run(limit: limit)
  }

  package var recording: Recording {
    get throws { try Recording(opening: path) }
  }

  /// Replays it whole and answers how that ended, what came out, and the digests at the end.
  package func replay(
    from snapshot: String? = nil
  ) throws -> (stop: Timeline.Stop, output: String, digests: [UInt64], end: Moment) {
    let output = KeptOutput()
    let timeline = try Timeline(recording, from: snapshot, console: output)
    let stop = try timeline.run()
    return (stop, output.text, timeline.machine.digests(), timeline.now)
  }

  /// Writes the log anew with `change` made to its events.
  package func rewriteLog(closing: Bool = true, _ change: (inout [LogEvent]) throws -> Void) throws {
    let path = try recording.logPath
    let log = try ReplayLogReader(opening: path)
    var events: [LogEvent] = []
    let cursor = log.makeCursor()
    while let event = try cursor.next() { events.append(event) }
    try change(&events)
    try HostFiles.removeFile(path)
    let writer = try ReplayLogWriter(creating: path, header: log.header)
    for event in events { try writer.append(event.payload, at: event.moment) }
    if closing {
      try writer.close()
    } else {
      try writer.drain()
      try forgetEnding()
    }
  }

  /// Makes its manifest what a recorder leaves that is killed: it does not know how the run ended.
  package func forgetEnding() throws {
    let file = path + "/recording.json"
    guard var manifest = try JSONSerialization.jsonObject(with: Data(readFile(file))) as? [String: Any] else {
      throw CocoaError(.fileReadCorruptFile)
    }
    manifest["ending"] = nil
    manifest["state"] = "recording"
    _ = try folder.write("guest.rr/recording.json", Array(JSONSerialization.data(withJSONObject: manifest)))
  }
}
