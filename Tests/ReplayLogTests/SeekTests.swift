// SPDX-License-Identifier: Apache-2.0

import ReplayLog
import TestSupport
import Testing

@Suite struct SeekTests {
  @Test(arguments: [UInt64](1...6), [true, false]) func seekingFindsWhatScanningFinds(
    seed: UInt64, closing: Bool
  ) throws {
    let scratch = try Scratch()
    let log = RandomLog(seed: seed, eventCount: 3000)
    try log.write(to: scratch.path("log"), memberSpan: 20_000_000, closing: closing)
    let reader = try ReplayLogReader(opening: scratch.path("log"))
    #expect(reader.isComplete == closing)
    #expect(reader.memberCount > 10)
    let events = try readAll(reader)
    #expect(events.count == 3000)

    var random = SeededGenerator(seed: seed)
    let cursor = reader.makeCursor()
    for _ in 0..<300 {
      let number = UInt64.random(in: 0...3100, using: &random)
      try cursor.seek(toEvent: number)
      #expect(cursor.nextNumber == min(number, 3000))
      #expect(try cursor.peek() == (number < 3000 ? events[Int(number)] : nil))
      try expectRest(of: events, from: Int(min(number, 3000)), at: cursor)

      // Positions at, next to, and between those of events.
      let near = events[Int.random(in: 0..<3000, using: &random)].position
      let position = near &+ UInt64.random(in: 0...2, using: &random) &- 1
      let first = events.firstIndex { $0.position >= position } ?? 3000
      try cursor.seek(toPosition: position)
      #expect(cursor.nextNumber == UInt64(first), "seed \(seed), position \(position)")
      try expectRest(of: events, from: first, at: cursor)
    }
    try cursor.seek(toPosition: 0)
    #expect(try cursor.next() == events[0])
    try cursor.seek(toPosition: .max)
    #expect(try cursor.next() == nil)
  }

  /// A few events on, across the ends of members.
  private func expectRest(of events: [LogEvent], from start: Int, at cursor: ReplayLogCursor) throws {
    for index in start..<start + 40 {
      guard index < events.count else {
        #expect(try cursor.next() == nil)
        return
      }
      #expect(try cursor.next() == events[index])
    }
  }

  @Test func eventsAtOnePositionStayTogetherAcrossMembers() throws {
    let scratch = try Scratch()
    let header = ReplayLogHeader(shift: 0, driveCount: 0, digestComponents: [])
    let writer = try ReplayLogWriter(creating: scratch.path("log"), header: header)
    try writer.append(.note("before"), at: LogMoment(position: 9, time: 9))
    for number in 0..<10 as Range<UInt64> {
      try writer.append(.clockRead(nanoseconds: number), at: LogMoment(position: 10, time: 10))
      try writer.flush()
    }
    try writer.close()
    let cursor = try ReplayLogReader(opening: scratch.path("log")).makeCursor()
    try cursor.seek(toPosition: 10)
    #expect(try cursor.next()?.payload == .clockRead(nanoseconds: 0))
  }
}
