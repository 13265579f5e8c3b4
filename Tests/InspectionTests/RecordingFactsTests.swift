// SPDX-License-Identifier: Apache-2.0

import Foundation
import Inspection
import RecordingStore
import ReplayLog
import Testing

@Suite struct RecordingFactsTests {
  /// A recorder that was killed before it had made more than its manifest and the beginning of its log.
  @Test func factsComeFromTheManifestAndTheFolder() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "rrtool-\(UUID().uuidString).rr")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let manifest = """
      {
        "format": "rrtool recording", "version": 1, "tool": "0.1", "state": "recording", "created": 0,
        "machine": {"memorySize": 4194304, "hartCount": 2, "shift": 3, "sleep": false},
        "boot": {
          "images": [{"role": "bios", "path": "/guests/demo.elf", "size": 4096, "digest": "0123456789abcdef"}],
          "commandLine": "", "mode": "machine", "entry": 2147483648, "deviceTreeAddress": 2151677952, "regions": []
        },
        "drives": [
          {"sectorCount": 100, "readOnly": false, "serial": "", "overlay": "disk0.qcow2", "bases": [],
            "recordsInto": false}
        ],
        "initialSnapshot": "replay_init", "log": "replay.log", "digestInterval": 1000
      }
      """
    try Data(manifest.utf8).write(to: folder.appendingPathComponent("recording.json"))
    let header = ReplayLogHeader(shift: 3, driveCount: 1, digestComponents: ["memory"])
    let writer = try ReplayLogWriter(
      creating: folder.appendingPathComponent("replay.log").path, header: header)
    try writer.append(.consoleOutput(Array("hello".utf8)), at: LogMoment(position: 1000, time: 8000))
    try writer.drain()

    let summary = try RecordingSummary(of: Recording(opening: folder.path))
    #expect(
      summary.facts.drives == [.init(byteCount: 51_200, isReadOnly: false, base: nil, overlay: "disk0.qcow2")]
    )
    #expect(summary.facts.images.map(\.path) == ["/guests/demo.elf"])
    #expect(
      summary.facts.files == [
        .init(name: "recording.json", byteCount: UInt64(manifest.utf8.count)),
        .init(name: "replay.log", byteCount: writer.byteCount),
      ])
    #expect(summary.facts.snapshots.isEmpty)
    #expect(summary.instructionCount == 1000 && summary.end == nil && !summary.isLogComplete)
    #expect(
      try summary.report.rendered(.table).contains(
        "Folder              \(folder.path)\n  State               incomplete: its recorder was killed or failed, or is still at work\n"
      ))
  }
}
