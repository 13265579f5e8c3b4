// SPDX-License-Identifier: Apache-2.0

import Inspection
import ReplayLog
import Testing

@Suite struct ConsoleTranscriptTests {
  private func log() throws -> SyntheticLog {
    try SyntheticLog(
      shift: 0,
      [
        (10, 0, .consoleOutput(Array("one\ntw".utf8))),
        (20, 0, .consoleInput(Array("typed".utf8))),
        (30, 5, .consoleOutput(Array("o\r\n\n".utf8))),
        (40, 5, .consoleOutput([])),
        (50, 5, .consoleOutput([0xff, 0x1b])),
      ])
  }

  @Test func bytesAreExact() throws {
    var bytes: [UInt8] = []
    try ConsoleTranscript(log().reader).forEachPiece { bytes += $0 }
    #expect(bytes == Array("one\ntwo\r\n\n".utf8) + [0xff, 0x1b])
  }

  @Test func linesHaveTheMomentOfTheirFirstByte() throws {
    let log = try log()
    var lines: [ConsoleTranscript.Line] = []
    try ConsoleTranscript(log.reader).forEachLine { lines.append($0) }
    #expect(lines.map(\.bytes) == [Array("one\n".utf8), Array("two\r\n".utf8), [0x0a], [0xff, 0x1b]])
    #expect(
      lines.map(\.moment) == [
        LogMoment(position: 10, time: 10), LogMoment(position: 10, time: 10),
        LogMoment(position: 30, time: 35),
        LogMoment(position: 50, time: 55),
      ])
    #expect(
      try ConsoleTranscript(log.reader).report.rendered(.table) == """
        Position  Guest time (s)  Text
              10     0.000000010  one
              10     0.000000010  two
              30     0.000000035
              50     0.000000055  \\xff\\e

        """)
    #expect(
      try ConsoleTranscript(log.reader, positions: 30...49).report.rendered(.ndjson) == """
        {"position":30,"time_ns":35,"text":"o","data":"o\\r\\n"}
        {"position":30,"time_ns":35,"text":"","data":"\\n"}

        """)
  }

  @Test func aLineThatNeverEndsIsGivenInPieces() throws {
    let piece = [UInt8](repeating: 0x78, count: 30_000)
    let log = try SyntheticLog(shift: 0, (0..<10).map { ($0, 0, .consoleOutput(piece)) })
    var total = 0
    try ConsoleTranscript(log.reader).forEachLine {
      #expect($0.bytes.count < 100_000)
      total += $0.bytes.count
    }
    #expect(total == 300_000)
  }
}
