// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Looking into a recording while its recorder makes snapshots and gives others up.
@Suite struct ReaderTests {
  @Test func readersLookAgain() throws {
    let scratch = try Scratch()
    let recorder = try scratch.start([
      Place.tool.path, "record", "-o", scratch.path("ring.rr"), "--bios", Place.guest("churn"), "--memory",
      "64M",
      "--ring", "1M", "--snapshot-every", "200000", "--snapshot-limit", "6",
    ])
    let begun = Date()
    while !FileManager.default.fileExists(atPath: scratch.path("ring.rr/recording.json")) {
      try #require(Date().timeIntervalSince(begun) < 60)
      usleep(10_000)
    }
    let readings = [
      ["inspect", scratch.path("ring.rr")], ["inspect", scratch.path("ring.rr"), "events", "--limit", "3"],
      ["snapshot", "list", scratch.path("ring.rr")], ["verify", scratch.path("ring.rr"), "--quick"],
    ]
    for round in 0..<25 {
      for reading in readings {
        let result = try scratch.rrtool(reading)
        #expect(result.status == 0, "round \(round): \(reading[0]): \(result.errors)")
      }
    }
    recorder.send(SIGTERM)
    let ended = try recorder.waitForResult()
    #expect(ended.status == 128 + SIGTERM, "\(ended.errors)")
    let verified = try scratch.rrtool("verify", scratch.path("ring.rr"), "--quick")
    #expect(verified.status == 0, "\(verified.errors)")
  }
}
