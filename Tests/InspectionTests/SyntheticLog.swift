// SPDX-License-Identifier: Apache-2.0

import Foundation
import Inspection
import ReplayLog

/// A log written for a test; removed afterwards.
final class SyntheticLog {
  let reader: ReplayLogReader
  private let folder: URL

  init(
    shift: Int = 1, driveCount: Int = 2, digestComponents: [String] = ["hart0", "memory"],
    start: LogMoment = .start, closing: Bool = true,
    _ events: [(position: UInt64, idle: UInt64, payload: LogPayload)]
  ) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("rrtool-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let path = folder.appendingPathComponent("replay.log").path
    let writer = try ReplayLogWriter(
      creating: path,
      header: ReplayLogHeader(
        shift: shift, driveCount: driveCount, digestComponents: digestComponents, start: start))
    for event in events {
      let time = (event.position << UInt64(shift)) + event.idle
      try writer.append(event.payload, at: LogMoment(position: event.position, time: time))
    }
    if closing { try writer.close() } else { try writer.drain() }
    reader = try ReplayLogReader(opening: path)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// One event of every kind, with data that are hard on every format.
  static func ofAllKinds() throws -> SyntheticLog {
    try SyntheticLog([
      (0, 0, .snapshot(name: "replay_init")),
      (100, 0, .clockRead(nanoseconds: 1_700_000_000_000_000_005)),
      (1500, 0, .consoleOutput(Array("boot, \"now\"\r\n".utf8))),
      (
        2000, 0,
        .blockRequest(.init(drive: 1, id: 7, operation: .write, sector: 8, sectorCount: 2, dataDigest: 0xab))
      ),
      (
        2000, 0,
        .blockRequest(.init(drive: 0, id: 0, operation: .read, sector: 0, sectorCount: 16, dataDigest: 0))
      ),
      (2500, 0, .blockCompletion(.init(drive: 0, id: 0, succeeded: true, dataDigest: .max))),
      (2600, 0, .blockCompletion(.init(drive: 1, id: 7, succeeded: false, dataDigest: nil))),
      (3000, 1_000_000_000, .consoleInput([0x1b, 0x5b, 0x41, 0xff, 0x00])),
      (3000, 1_000_000_000, .entropyRead([1, 2, 3])),
      (1_000_000, 1_000_000_000, .digest([1, 0xfedc_ba98_7654_3210])),
      (1_000_001, 1_000_000_000, .note("état")),
      (1_000_002, 1_000_000_000, .reset(.guest)),
      (1_000_003, 1_000_000_000, .consoleOutput(Array("bye".utf8))),
      (1_000_004, 1_000_000_000, .powerOff(.guest, status: 3)),
      (1_000_004, 1_000_000_000, .end(.poweredOff(status: 3))),
    ])
  }
}
