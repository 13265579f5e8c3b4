// SPDX-License-Identifier: Apache-2.0

import Foundation
import Inspection
import ReplayLog
import Testing

@Suite struct SummaryTests {
  private let facts = RecordingFacts(
    path: "demo.rr", state: .complete, tool: "0.1", created: 1_709_209_800_000_000_000,
    memorySize: 512 << 20,
    hartCount: 2, commandLine: "console=ttyS0",
    images: [.init(role: "kernel", path: "Image", byteCount: 12_345_678, digest: "00ff")],
    drives: [
      .init(byteCount: 16 << 20, isReadOnly: false, base: "disk.img", overlay: "disk0.qcow2"),
      .init(byteCount: 512, isReadOnly: true, base: "rom.img", overlay: nil),
    ],
    snapshots: [
      .init(name: "replay_init", position: 0, time: 0), .init(name: "later", position: 2600, time: 5200),
    ],
    files: [.init(name: "replay.log", byteCount: 4321)])

  @Test func theSummaryTellsWhatRan() throws {
    let log = try SyntheticLog.ofAllKinds()
    let summary = try RecordingSummary(facts: facts, log: log.reader)
    #expect(summary.instructionCount == 1_000_004)
    #expect(summary.end == .poweredOff(status: 3))
    let perThousand = try #require(summary.logBytesPerThousandInstructions)
    #expect(abs(perThousand - Double(log.reader.byteCount) / 1000.004) < 1e-9)
    var text = try summary.report.rendered(.table)
    // How well zlib does is not what is tested.
    text = text.replacing(/instructions  [0-9.]+/, with: "instructions  RATE")
    text = text.replacing(HumanNumber.of(log.reader.byteCount), with: "LOG")
    #expect(
      text == """
        Recording
          Folder              demo.rr
          State               complete
          Recorded by rrtool  0.1
          Recorded at         2024-02-29 12:30:00 UTC

        Machine
          Memory        512 MiB
          Harts         2
          Shift         1
          Command line  console=ttyS0

        Boot images
          Role    File        Bytes
          kernel  Image  12,345,678

        Drives
          Drive       Size  Read-only  Overlay      Base
              0     16 MiB  no         disk0.qcow2  disk.img
              1  512 bytes  yes                     rom.img

        Run
          Instructions                      1,000,004
          Guest time (s)                    1.002000008
          End                               powered off, exit status 3
          Events                            15
          Log bytes                         LOG
          Log bytes per 1,000 instructions  RATE
          Log complete                      yes

        Events
          Kind              Events  Bytes before compression
          console-input          1                        14
          console-output         2                        23
          block-request          2                        25
          block-completion       2                        21
          clock-read             1                        11
          entropy-read           1                         6
          reset                  1                         4
          power-off              1                         8
          digest                 1                        21
          end                    1                         8
          snapshot               1                        14
          note                   1                         8

        Snapshots
          Name         Position  Guest time (s)
          replay_init         0     0.000000000
          later           2,600     0.000005200

        Files
          Name        Bytes
          replay.log  4,321

        """)
    let json =
      try JSONSerialization.jsonObject(with: Data(summary.report.rendered(.json).utf8)) as? [String: Any]
    #expect((json?["run"] as? [String: Any])?["instruction_count"] as? UInt64 == 1_000_004)
    #expect((json?["machine"] as? [String: Any])?["memory_bytes"] as? UInt64 == 512 << 20)
  }

  @Test func aKilledRecorderIsTold() throws {
    let log = try SyntheticLog(closing: false, [(5, 0, .reset(.host))])
    let report = try RecordingSummary(facts: facts, log: log.reader).report.rendered(.table)
    #expect(report.contains("End                               unknown: the recorder was killed\n"))
    #expect(report.contains("Log complete                      no\n"))
    #expect(report.contains("Log bytes dropped                 0\n"))
  }

  @Test func statisticsAddUp() throws {
    let log = try SyntheticLog.ofAllKinds()
    let statistics = try RecordingStatistics(log: log.reader)
    #expect(statistics.idleTime == 1_000_000_000 && statistics.longestIdleTime == 1_000_000_000)
    #expect(abs((statistics.idleShare ?? 0) - 1_000_000_000 / 1_002_000_008) < 1e-12)
    #expect(statistics.eventCount == 15 && statistics.eventBytes == 163)
    #expect(statistics.deciles.count == 10)
    #expect(statistics.deciles[0].lastPosition == 99_999 && statistics.deciles[9].lastPosition == 1_000_004)
    #expect(statistics.deciles.map(\.eventCount) == [9, 0, 0, 0, 0, 0, 0, 0, 0, 6])
    #expect(statistics.deciles[0].idleTime == 1_000_000_000)
    #expect(
      zip(statistics.deciles, statistics.deciles.dropFirst()).allSatisfy {
        $0.lastPosition + 1 == $1.firstPosition
      })
    let gap = try #require(statistics.gaps.first)
    #expect(gap.afterEvent == 8 && gap.firstPosition == 3000 && gap.duration == 1_994_000)
    #expect(statistics.gaps.map(\.instructionCount) == [997_000, 1400, 500, 500, 400, 100, 100, 1, 1, 1])
    #expect(statistics.drives[0].readSectors == 16 && statistics.drives[0].failureCount == 0)
    #expect(statistics.drives[1].writtenSectors == 2 && statistics.drives[1].failureCount == 1)
    #expect(
      statistics.consoleInputBytes == 5 && statistics.consoleOutputBytes == 16 && statistics.entropyBytes == 3
    )
    let table = try statistics.report.rendered(.table)
    #expect(
      table.contains(
        """
        Drives
          Drive  Reads  Bytes read  Writes  Bytes written  Flushes  Clears  Bytes cleared  Failed  Unanswered
              0      1       8,192       0              0        0       0              0       0           0
              1      0           0       1          1,024        0       0              0       1           0

        Network cards
          none

        """))
    for format in ReportFormat.allCases { #expect(try !statistics.report.rendered(format).isEmpty) }
  }

  @Test func hugeClaimsDoNotOverflow() throws {
    let discard = LogBlockRequest(
      drive: 0, id: 1, operation: .discard, sector: 0, sectorCount: .max, dataDigest: 0)
    let log = try SyntheticLog(
      shift: 0,
      [
        (0, 0, .blockRequest(discard)), (.max - 7, 0, .blockRequest(discard)), (.max, 0, .reset(.host)),
      ])
    let statistics = try RecordingStatistics(log: log.reader)
    #expect(statistics.drives[0].clearedSectors == .max)
    #expect(statistics.deciles.map(\.eventCount) == [1, 0, 0, 0, 0, 0, 0, 0, 0, 2])
    let text = try statistics.report.rendered(.csv)
    #expect(text.contains("drives,0,cleared_bytes,18446744073709551615\r\n"))
    #expect(text.contains("drives,0,unanswered_count,2\r\n"))
  }

  @Test func anEmptyLogHasFigures() throws {
    let log = try SyntheticLog([])
    let statistics = try RecordingStatistics(log: log.reader)
    #expect(statistics.idleShare == nil && statistics.gaps.isEmpty && statistics.deciles.count == 1)
    let summary = try RecordingSummary(facts: facts, log: log.reader)
    #expect(summary.logBytesPerThousandInstructions == nil)
    for format in ReportFormat.allCases {
      #expect(try !statistics.report.rendered(format).contains(/\bnan\b/))
      #expect(try !summary.report.rendered(format).isEmpty)
    }
  }
}

enum HumanNumber {
  /// 1234567 as "1,234,567".
  static func of(_ number: UInt64) -> String {
    var groups: [String] = []
    var rest = String(number)
    while rest.count > 3 {
      groups.insert(String(rest.suffix(3)), at: 0)
      rest.removeLast(3)
    }
    return ([rest] + groups).joined(separator: ",")
  }
}
