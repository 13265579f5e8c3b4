// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Emulator
import Foundation
import RecordingStore
import ReplayLog
import TestSupport
import Testing
import TimeTravel

/// Recordings that older versions made, kept as they were written: each replays as it did then, from every snapshot.
///
/// fixtures/recordings has a folder a format. Nothing in it is ever made anew.
@Suite struct GoldenRecordingTests {
  static let paths: [String] = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("fixtures/recordings").path
    let files = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
    return files.filter { $0.hasSuffix(".rr") }.sorted().map { root + "/" + $0 }
  }()

  @Test func thereAreSomeOfEveryFormat() {
    for format in 1...4 { #expect(Self.paths.contains { $0.contains("/format-\(format)/") }) }
  }

  @Test(arguments: paths, [Machine.Engine.translator, .interpreter])
  func replays(path: String, engine: Machine.Engine) throws {
    let recording = try Recording(opening: path)
    let ending = try #require(recording.manifest.ending)
    for snapshot in try SnapshotStore(recording).list() {
      let timeline = try Timeline(recording, from: snapshot.name, engine: engine)
      let end: LogEnd = ending.reason == .limit ? .limit : .poweredOff(status: ending.status)
      #expect(try timeline.run() == .end(end), "from \(snapshot.name)")
      #expect(timeline.now == Moment(position: ending.position, time: ending.time), "from \(snapshot.name)")
    }
  }
}
