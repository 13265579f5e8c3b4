// SPDX-License-Identifier: Apache-2.0

import Foundation
import ReplayLog
import TestSupport
import Testing

@Suite struct RoundTripTests {
  @Test(arguments: [UInt64](1...24)) func whatIsWrittenIsRead(seed: UInt64) throws {
    let scratch = try Scratch()
    let log = RandomLog(seed: seed, eventCount: Int(seed) * 137)
    try log.write(to: scratch.path("log"), memberSpan: seed % 2 == 0 ? 5_000_000 : 100_000_000)

    let reader = try ReplayLogReader(opening: scratch.path("log"))
    #expect(reader.header == log.header)
    #expect(reader.isComplete)
    #expect(reader.droppedByteCount == 0)
    #expect(reader.eventCount == UInt64(log.events.count))
    #expect(reader.last == log.events.last?.moment)
    let events = try readAll(reader)
    #expect(events.map(\.payload) == log.events.map(\.payload), "seed \(seed)")
    #expect(events.map(\.moment) == log.events.map(\.moment), "seed \(seed)")
    #expect(events.map(\.number) == Array(0..<UInt64(log.events.count)))
  }

  @Test func aLogWithoutEventsIsComplete() throws {
    let scratch = try Scratch()
    let log = RandomLog(seed: 1, eventCount: 0)
    try log.write(to: scratch.path("log"))
    let reader = try ReplayLogReader(opening: scratch.path("log"))
    #expect(reader.isComplete)
    #expect(reader.eventCount == 0)
    #expect(reader.last == log.header.start)
    let cursor = reader.makeCursor()
    #expect(try cursor.next() == nil)
    try cursor.seek(toEvent: 0)
    try cursor.seek(toPosition: .max)
    #expect(try cursor.peek() == nil)
  }

  @Test func extremeValuesSurvive() throws {
    let scratch = try Scratch()
    let header = ReplayLogHeader(shift: 4, driveCount: 256, digestComponents: ["memory"])
    let writer = try ReplayLogWriter(creating: scratch.path("log"), header: header)
    let lastPosition = UInt64.max >> 4
    let payloads: [(LogPayload, LogMoment)] = [
      (.clockRead(nanoseconds: .max), LogMoment(position: 0, time: 0)),
      (
        .blockRequest(
          .init(drive: 255, id: .max, operation: .write, sector: .max, sectorCount: .max, dataDigest: .max)),
        LogMoment(position: 0, time: 15)
      ),
      (
        .blockCompletion(.init(drive: 0, id: .max, succeeded: false, dataDigest: .max)),
        LogMoment(position: lastPosition, time: .max)
      ),
      (.digest([.max]), LogMoment(position: lastPosition, time: .max)),
      (.snapshot(name: String(repeating: "é", count: 127)), LogMoment(position: lastPosition, time: .max)),
    ]
    for (payload, moment) in payloads { try writer.append(payload, at: moment) }
    try writer.close()
    let events = try readAll(ReplayLogReader(opening: scratch.path("log")))
    #expect(events.map(\.payload) == payloads.map(\.0))
    #expect(events.map(\.moment) == payloads.map(\.1))
  }

  @Test func largeDataAreSpreadOverEvents() throws {
    let scratch = try Scratch()
    let header = ReplayLogHeader(shift: 0, driveCount: 0, digestComponents: [])
    let writer = try ReplayLogWriter(creating: scratch.path("log"), header: header)
    var random = SeededGenerator(seed: 9)
    let data = (0..<300_001).map { _ in UInt8.random(in: 0...255, using: &random) }
    let text = String(repeating: "a€", count: 30_000)
    let moment = LogMoment(position: 77, time: 1077)
    #expect(try writer.append(.entropyRead(data), at: moment) == 0)
    let noteNumber = try writer.append(.note(text), at: moment)
    try writer.append(.consoleInput([]), at: moment)
    try writer.close()

    let reader = try ReplayLogReader(opening: scratch.path("log"))
    let events = try readAll(reader)
    var joined: [UInt8] = []
    var note = ""
    for event in events {
      #expect(event.moment == moment)
      switch event.payload {
      case .entropyRead(let part):
        #expect(part.count <= LogPayload.dataLimit && event.number < noteNumber)
        joined += part
      case .note(let part): note += part
      case .consoleInput(let part): #expect(part.isEmpty)
      default: Issue.record("an event of another kind: \(event)")
      }
    }
    #expect(joined == data)
    #expect(note == text)
    #expect(writer.eventCount == UInt64(events.count))
  }

  @Test func repeatedEventsCostLittle() throws {
    let scratch = try Scratch()
    let header = ReplayLogHeader(shift: 0, driveCount: 0, digestComponents: [])
    let writer = try ReplayLogWriter(creating: scratch.path("log"), header: header)
    // A console line each million instructions, and 50 ms of idling: the idle skip is told once for each.
    for number in 0..<10_000 as Range<UInt64> {
      let position = number * 1_000_000
      try writer.append(
        .consoleOutput(Array("line\n".utf8)),
        at: LogMoment(position: position, time: position + number * 50_000_000))
    }
    try writer.close()
    let events = try readAll(ReplayLogReader(opening: scratch.path("log")))
    #expect(events[1].byteCount == 1 + 3 + 4 + 1 + 5)
    #expect(events.allSatisfy { $0.byteCount <= 14 })
  }

  @Test(arguments: [UInt64](100...103)) func gzipAndAnotherReaderAgree(seed: UInt64) throws {
    let scratch = try Scratch()
    let log = RandomLog(seed: seed, eventCount: 4000)
    try log.write(to: scratch.path("log.gz"), memberSpan: 50_000_000)
    let reader = try ReplayLogReader(opening: scratch.path("log.gz"))
    let events = try readAll(reader)
    #expect(reader.memberCount > 3)

    #expect(try runProgram(["gzip", "-t", scratch.path("log.gz")]).status == 0)
    let unpacked = try runProgram(["zcat", scratch.path("log.gz")])
    #expect(unpacked.status == 0)
    let headerSize = unpacked.output.count - events.reduce(0) { $0 + $1.byteCount } - 32 * reader.memberCount
    let headerText = try #require(String(validating: unpacked.output.prefix(headerSize), as: UTF8.self))
    #expect(headerText.hasPrefix("RRTOOLLOG 1.0\nshift=\(log.header.shift)\n"))
    #expect(headerText.hasSuffix("ünï\n"))

    let decoded = try decode(scratch.path("log.gz"))
    #expect(decoded.first == "complete")
    #expect(decoded.contains("# machine=virt, \"\(seed)\" = ünï"))
    #expect(decoded.filter { !$0.hasPrefix("#") }.dropFirst().elementsEqual(events.map(line)), "seed \(seed)")

    // The same without the end: the recorder was killed.
    try log.write(to: scratch.path("killed.gz"), memberSpan: 50_000_000, closing: false)
    let killed = try decode(scratch.path("killed.gz"))
    #expect(killed.first == "incomplete")
    #expect(killed.dropFirst() == decoded.dropFirst())
  }

  /// What a ring keeps, format 2.0, for either reader.
  @Test func aLogOfWhichEventsWereDroppedIsReadByBoth() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("dropped events: seed \(seed)")
    let scratch = try Scratch()
    let log = RandomLog(seed: seed, eventCount: 4000)
    let path = scratch.path("log.gz")
    let writer = try ReplayLogWriter(creating: path, header: log.header, memberSpan: 1_000_000)
    for (index, event) in log.events.enumerated() {
      try writer.append(event.payload, at: event.moment)
      if index % 1000 == 999 {
        try writer.flush()
        writer.written.drop(eventsBefore: UInt64(index - 100), path: path)
      }
    }
    try writer.close()
    let reader = try ReplayLogReader(opening: path)
    #expect(reader.isComplete && reader.firstEventNumber > 0)
    let events = try readAll(reader)
    let kept = log.events[Int(reader.firstEventNumber)...]
    #expect(events.map(\.payload) == kept.map(\.payload) && events.map(\.moment) == kept.map(\.moment))
    let decoded = try decode(path)
    #expect(decoded.first == "complete" && decoded.contains("# RRTOOLLOG 2.0"))
    #expect(decoded.filter { !$0.hasPrefix("#") }.dropFirst().elementsEqual(events.map(line)), "seed \(seed)")
  }

  @Test func theDocumentsExampleIsALog() throws {
    let document = try String(
      contentsOf: root.appendingPathComponent("docs/formats/replay-log.md"), encoding: .utf8)
    let dump = try #require(
      document.split(separator: "```hexdump\n").dropFirst().first?.split(separator: "```").first)
    var bytes: [UInt8] = []
    for row in dump.split(separator: "\n") {
      let fields = row.prefix { $0 != "|" }.split(separator: " ")
      #expect(fields.first.flatMap { Int($0, radix: 16) } == bytes.count)
      bytes += fields.dropFirst().compactMap { UInt8($0, radix: 16) }
    }
    let scratch = try Scratch()
    let path = try scratch.write(bytes, to: "example.gz")
    let reader = try ReplayLogReader(opening: path)
    #expect(reader.isComplete)
    let events = try readAll(reader)
    #expect(
      events.map(\.payload) == [
        .clockRead(nanoseconds: 1_700_000_000_000_000_000),
        .consoleOutput(Array("hello\n".utf8)),
        .consoleInput(Array("q".utf8)),
        .end(.poweredOff(status: 3)),
      ])
    #expect(
      events.map(\.moment) == [
        LogMoment(position: 1000, time: 4000), LogMoment(position: 1300, time: 5200),
        LogMoment(position: 1300, time: 1_005_200), LogMoment(position: 2000, time: 1_008_000),
      ])
    #expect(try runProgram(["gzip", "-t", path]).status == 0)
    #expect(try decode(path).dropFirst().filter { !$0.hasPrefix("#") } == events.map(line))
  }

  private let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// What the reader in Python, which knows only the document, prints.
  private func decode(_ path: String) throws -> [String] {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
      "decode_log.py")
    let result = try runProgram(["python3", script.path, path])
    #expect(result.status == 0)
    return String(decoding: result.output, as: UTF8.self).split(separator: "\n").map(String.init)
  }
}
