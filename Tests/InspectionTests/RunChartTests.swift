// SPDX-License-Identifier: Apache-2.0

import Foundation
import FoundationXML
import Inspection
import ReplayLog
import TestSupport
import Testing

@Suite struct RunChartTests {
  private static func facts(snapshots: [RecordingFacts.Snapshot] = []) -> RecordingFacts {
    RecordingFacts(
      path: "run <1> & co.rr", state: .complete, tool: "1", created: 0, memorySize: 1 << 20, hartCount: 1,
      commandLine: "", images: [], drives: [], snapshots: snapshots, files: [])
  }

  private func lane(_ chart: RunChart, _ name: String) throws -> RunChart.Lane {
    try #require(chart.lanes.first { $0.name == name })
  }

  @Test func sumsEachKindIntoItsColumns() throws {
    let chart = try RunChart(facts: Self.facts(), log: SyntheticLog.ofAllKinds().reader)
    #expect(chart.columns.count == RunChart.columnLimit)
    #expect(chart.columns.first?.lowerBound == 0)
    #expect(chart.columns.last?.upperBound == 1_000_004)
    for (column, next) in zip(chart.columns, chart.columns.dropFirst()) {
      #expect(column.upperBound + 1 == next.lowerBound)
    }
    #expect(
      chart.lanes.map(\.name)
        == [
          "console-output", "console-input", "drive0-read", "drive1-write", "entropy", "clock-reads", "idle",
        ])
    #expect(try lane(chart, "console-output").amounts.first == 13)
    #expect(try lane(chart, "console-output").amounts.last == 3)
    #expect(try lane(chart, "console-output").hints == [0: "boot, \"now\"", 239: "bye"])
    #expect(try lane(chart, "console-input").amounts.first == 5)
    #expect(try lane(chart, "drive0-read").amounts.first == 16 * 512)
    #expect(try lane(chart, "drive1-write").amounts.first == 2 * 512)
    #expect(try lane(chart, "entropy").amounts.first == 3)
    #expect(try lane(chart, "clock-reads").amounts.reduce(0, +) == 1)
    #expect(try lane(chart, "idle").amounts.first == 1_000_000_000)
    #expect(chart.end == "powered off, exit status 3")
    #expect(chart.marks.map(\.kind) == [.note, .reset, .powerOff])
    // Idle time passed before the second tick: 1 s more than two nanoseconds an instruction.
    #expect(chart.ticks.first?.position == 0)
    #expect(chart.ticks.first?.time == 0)
    #expect(chart.ticks.dropFirst().allSatisfy { $0.time == $0.position * 2 + 1_000_000_000 })
    #expect(chart.ticks.last?.position == 1_000_004)
  }

  @Test func everyAmountIsInOneColumn() throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SeededGenerator(seed: seed)
    for round in 0..<20 {
      var events: [(position: UInt64, idle: UInt64, payload: LogPayload)] = []
      var position: UInt64 = 0
      var idle: UInt64 = 0
      for _ in 0..<Int.random(in: 1...300, using: &random) {
        position += UInt64.random(in: 0...UInt64.random(in: 0...100_000, using: &random), using: &random)
        idle += UInt64.random(in: 0...3, using: &random)
        events.append((position, idle, .entropyRead([UInt8](repeating: 1, count: 7))))
      }
      let log = try SyntheticLog(events)
      let first = UInt64.random(in: 0...position, using: &random)
      let last = UInt64.random(in: first...position, using: &random)
      let chart = try RunChart(facts: Self.facts(), log: log.reader, positions: first...last)
      let shown = events.filter { (first...last).contains($0.position) }
      let amounts = chart.lanes.first { $0.name == "entropy" }?.amounts ?? []
      let context = Comment(rawValue: "seed \(seed), round \(round)")
      #expect(amounts.reduce(0, +) == UInt64(shown.count) * 7, context)
      for (column, amount) in zip(chart.columns, amounts) {
        #expect(amount == UInt64(shown.count { column.contains($0.position) }) * 7, context)
      }
    }
  }

  @Test func snapshotsAreMarkedWhereTheyLie() throws {
    let facts = Self.facts(snapshots: [
      .init(name: "replay_init", position: 0, time: 0),
      .init(name: "auto-000000000500", position: 500, time: 0),
      .init(name: "before <bug>", position: 700, time: 0), .init(name: "late", position: 2_000_000, time: 0),
    ])
    let chart = try RunChart(facts: facts, log: SyntheticLog.ofAllKinds().reader, positions: 1...1000)
    #expect(chart.marks.map(\.text) == ["auto-000000000500", "before <bug>"])
    #expect(chart.marks.map(\.kind) == [.automaticSnapshot, .snapshot])
    #expect(chart.end == nil)
  }

  /// What a ring gave up was idle before the log's start: not in the first column.
  @Test func idleTimeBeforeTheStartIsNotShown() throws {
    let idle: UInt64 = 500_000_000
    let log = try SyntheticLog(
      start: LogMoment(position: 1000, time: 2000 + idle),
      [(1500, idle, .entropyRead([1])), (2000, idle + 7, .entropyRead([2])), (3000, idle + 7, .end(.limit))])
    let chart = try RunChart(facts: Self.facts(), log: log.reader)
    #expect(try lane(chart, "idle").amounts.reduce(0, +) == 7)
    #expect(chart.ticks.first?.position == 1000)
    #expect(chart.ticks.first?.time == 2000 + idle)
  }

  /// However many notes a log has.
  @Test func snapshotsAreMarkedAmongManyNotes() throws {
    let notes = (0..<1500).map { (position: UInt64($0), idle: UInt64(0), payload: LogPayload.note("n")) }
    let facts = Self.facts(snapshots: [.init(name: "here", position: 1200, time: 0)])
    let chart = try RunChart(facts: facts, log: SyntheticLog(notes).reader)
    #expect(chart.marks.contains { $0.kind == .snapshot && $0.text == "here" })
  }

  /// The picture is XML whatever guests and files say, and shows what there is.
  @Test func thePictureIsWellFormed() throws {
    let nasty = Array("<script>&\u{1b}[31m]]>\u{0}\u{fffe}\r\n".utf8) + [0xff, 0xfe]
    let log = try SyntheticLog([
      (10, 0, .consoleOutput(nasty)), (20, 5, .note("a \"note\" <b>")), (2000, 5, .end(.limit)),
    ])
    let facts = Self.facts(snapshots: [.init(name: "x<y", position: 30, time: 60)])
    var picture = ""
    try RunChart(facts: facts, log: log.reader).renderSVG { picture += $0 }
    let reader = PictureReader()
    let parser = XMLParser(data: Data(picture.utf8))
    parser.delegate = reader
    #expect(parser.parse(), "\(String(describing: parser.parserError))")
    #expect(reader.texts.contains("run <1> & co.rr\n"))
    #expect(reader.texts.contains("x<y\n"))
    #expect(reader.texts.contains { $0.contains("<script>&\\e[31m]]>\\x00") })
    #expect(reader.elements["script"] == nil)
    // Background, lanes of output and of idle time, and a bar in each.
    #expect(reader.elements["rect"] == 5)
  }

  /// No instruction, no event: still a picture.
  @Test func anEmptyRunHasAPicture() throws {
    let log = try SyntheticLog([])
    var picture = ""
    try RunChart(facts: Self.facts(), log: log.reader).renderSVG { picture += $0 }
    #expect(picture.contains("nothing entered or left the machine here"))
    #expect(XMLParser(data: Data(picture.utf8)).parse())
  }
}

private final class PictureReader: NSObject, XMLParserDelegate {
  var elements: [String: Int] = [:]
  var texts: [String] = [""]

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    elements[name, default: 0] += 1
    texts.append("")
  }

  func parser(_ parser: XMLParser, foundCharacters text: String) { texts[texts.count - 1] += text }
}
