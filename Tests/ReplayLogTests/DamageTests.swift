// SPDX-License-Identifier: Apache-2.0

import Foundation
import ReplayLog
import TestSupport
import Testing

@Suite struct DamageTests {
  /// A small log of several members, its events, and where each member of events ends.
  private func smallLog(_ scratch: Scratch, closing: Bool = true) throws -> (
    bytes: [UInt8], events: [LogEvent]
  ) {
    let log = RandomLog(seed: 5, eventCount: 40, dataLimit: 12)
    try log.write(to: scratch.path("log"), memberSpan: 250_000, closing: closing)
    return (try contents(scratch.path("log")), try readAll(ReplayLogReader(opening: scratch.path("log"))))
  }

  /// Offsets of the members, found by their first bytes.
  private func memberOffsets(_ bytes: [UInt8]) -> [Int] {
    let magic: [UInt8] = [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff]
    return bytes.indices.filter { bytes[$0...].starts(with: magic) }
  }

  @Test func everyTruncationLeavesWholeMembers() throws {
    let scratch = try Scratch()
    let (bytes, events) = try smallLog(scratch)
    let offsets = memberOffsets(bytes) + [bytes.count]
    #expect(offsets.count > 8)
    // Events in the file once it is so long: the reader of the whole log says in which member each one is.
    var counts: [(end: Int, events: UInt64)] = []
    for (member, end) in zip(offsets.dropFirst(), offsets.dropFirst(2))
    where bytes[member + 16] == UInt8(ascii: "E") {
      counts.append((end, (counts.last?.events ?? 0) + UInt64(bytes[member + 21])))
    }
    #expect(counts.last?.events == 40)

    for length in stride(from: bytes.count - 1, through: 0, by: -1) {
      #expect(truncate(scratch.path("log"), off_t(length)) == 0)
      guard length >= offsets[1] else {
        #expect(throws: ReplayLogError(file: scratch.path("log"), problem: .noHeader)) {
          try ReplayLogReader(opening: scratch.path("log"))
        }
        continue
      }
      let reader = try ReplayLogReader(opening: scratch.path("log"))
      let whole = counts.last { $0.end <= length }
      #expect(!reader.isComplete)
      #expect(reader.eventCount == whole?.events ?? 0)
      #expect(reader.droppedByteCount == UInt64(length - (whole?.end ?? offsets[1])))
      let found = try readAll(reader)
      #expect(found.elementsEqual(events.prefix(Int(reader.eventCount))), "length \(length)")
      #expect(reader.last == found.last?.moment ?? reader.header.start)
    }
  }

  @Test(arguments: [true, false]) func aFlippedBitIsNeverBelieved(closing: Bool) throws {
    let scratch = try Scratch()
    let (bytes, events) = try smallLog(scratch, closing: closing)
    let offsets = memberOffsets(bytes)
    let eventsEnd = closing ? offsets[offsets.count - 2] : bytes.count
    var refused = 0
    for index in bytes.indices {
      // Two bits a byte, another two in the next: all of them would take a minute.
      for bit in [index % 8, (index + 3) % 8] {
        var changed = bytes
        changed[index] ^= 1 << UInt8(bit)
        let path = try scratch.write(changed, to: "changed")
        do throws(ReplayLogError) {
          let reader = try ReplayLogReader(opening: path)
          let found = try readAll(reader)
          #expect(found.elementsEqual(events.prefix(found.count)), "bit \(bit) of byte \(index)")
          // Only a log that says so may be shorter, and a damaged index costs no event.
          #expect(found.count == events.count || !reader.isComplete)
          #expect(found.count == events.count || index < eventsEnd)
        } catch {
          refused += 1
          #expect(!error.description.contains("\n"))
        }
      }
    }
    #expect(refused > offsets[1])
  }

  @Test func theEndOfALogMayBeGarbage() throws {
    let scratch = try Scratch()
    let (bytes, events) = try smallLog(scratch, closing: false)
    // Power was lost: the last member's size is there, its bytes are not.
    var changed = bytes
    let last = try #require(memberOffsets(bytes).last)
    for index in last + 60..<bytes.count { changed[index] = 0 }
    var reader = try ReplayLogReader(
      opening: scratch.write(changed + [UInt8](repeating: 0, count: 5000), to: "zeros"))
    #expect(!reader.isComplete)
    #expect(reader.droppedByteCount == UInt64(bytes.count - last + 5000))
    #expect(try readAll(reader).elementsEqual(events.prefix(Int(reader.eventCount))))

    reader = try ReplayLogReader(opening: scratch.write(bytes + bytes, to: "twice"))
    #expect(!reader.isComplete)
    #expect(try readAll(reader) == events)
  }

  @Test func newerVersionsAreRefusedByName() throws {
    let scratch = try Scratch()
    let newer = try scratch.write(ForgedLog(header: "RRTOOLLOG 3.0\nall else is new\u{0}").bytes, to: "newer")
    let error = #expect(throws: ReplayLogError.self) { try ReplayLogReader(opening: newer) }
    #expect(error?.problem == .newerVersion(ReplayLogVersion(major: 3, minor: 0)))
    #expect(
      error?.description == "\(newer), byte 0: the log has format version 3.0, this rrtool reads up to 2.x; "
        + "use the rrtool that recorded it, or a newer one")

    // A newer minor version may have more properties, and more kinds of which the optional ones are passed over.
    var log = ForgedLog(
      header:
        "RRTOOLLOG 1.7\nweather=fine\nshift=0\ndrives=1\ndigests=memory\nstart-position=0\nstart-time=0\n")
    let optional = ForgedLog.event(100, [1, 2, 3]) + ForgedLog.event(7, position: 5, [0])
    log.member("E", optional, events: 2)
    let reader = try ReplayLogReader(opening: scratch.write(log.bytes, to: "minor"))
    #expect(reader.header["weather"] == "fine")
    #expect(
      try readAll(reader).map(\.payload) == [.unrecognized(kind: 100, data: [1, 2, 3]), .reset(.host)])
    log.member("E", ForgedLog.event(20, [1]), events: 1, first: 2, position: 9, time: 9)
    log.close(
      entries: [
        [UInt64(memberOffsets(log.bytes)[1]), 0, 0, 0], [UInt64(memberOffsets(log.bytes)[2]), 2, 9, 9],
      ],
      eventCount: 3, position: 9, time: 9)
    let essential = try ReplayLogReader(opening: scratch.write(log.bytes, to: "essential"))
    let cursor = essential.makeCursor()
    _ = try cursor.next()
    _ = try cursor.next()
    let refusal = #expect(throws: ReplayLogError.self) { _ = try cursor.next() }
    #expect(refusal?.problem == .unknownKind(20))
    #expect(cursor.nextNumber == 2)
  }

  static let badHeaders = [
    "RRTOOLLOG 0.1\n", "RRTOOLLOG 1\n", "RRTOOLLOG 1.0.0\n", "RRTOOLLOG +1.0\n", "RRTOOLLOG 1.0",
    "RRTOOLLOG 1.0\n",
    "RRTOOLLOG 1.0\nshift=64\ndrives=1\ndigests=\nstart-position=0\nstart-time=0\n",
    "RRTOOLLOG 1.0\nshift=-1\ndrives=1\ndigests=\nstart-position=0\nstart-time=0\n",
    "RRTOOLLOG 1.0\nshift=1\ndrives=99999\ndigests=\nstart-position=0\nstart-time=0\n",
    "RRTOOLLOG 1.0\nshift=1\ndrives=1\ndigests=a,,b\nstart-position=0\nstart-time=0\n",
    "RRTOOLLOG 1.0\nshift=1\ndrives=1\ndigests=a b\nstart-position=0\nstart-time=0\n",
    "RRTOOLLOG 1.0\nshift=1\ndrives=1\ndigests=\nstart-position=8\nstart-time=15\n",
    "RRTOOLLOG 1.0\nshift=1\ndrives=1\ndigests=\nstart-position=18446744073709551616\nstart-time=0\n",
    "RRTOOLLOG 1.0\nshift=1\nshift=1\ndrives=1\ndigests=\nstart-position=0\nstart-time=0\n",
    "RRTOOLLOG 1.0\nshift=1\ndrives=1\ndigests=\nstart-position=0\nstart-time=0\nno equals sign\n",
    "RRTOOLLOG 1.0\nshift=1\ndrives=1\ndigests=\nstart-position=0\nstart-time=0\na=\u{1b}[2J\n",
    "RRTOOLLOG 1.0\nshift=1\ndrives=1\ndigests=\nstart-position=0\nstart-time=0\na=b",
    "RRTOOLLOG 1.0\nshift=1\ndrives=1\ndigests=\nstart-position=0\n",
  ]

  @Test(arguments: badHeaders) func badHeadersAreRefused(header: String) throws {
    let scratch = try Scratch()
    let path = try scratch.write(ForgedLog(header: header).bytes, to: "log")
    let error = #expect(throws: ReplayLogError.self) { try ReplayLogReader(opening: path) }
    guard case .damaged = error?.problem else {
      Issue.record("another problem: \(String(describing: error))")
      return
    }
  }

  @Test func foreignFilesAreNotLogs() throws {
    let scratch = try Scratch()
    let plain = try scratch.write(Array("RRTOOLLOG 1.0\n".utf8), to: "plain")
    let zipped = scratch.path("plain.gz")
    #expect(try runProgram(["gzip", "-k", plain]).status == 0)
    let otherText = try scratch.write(ForgedLog(header: "something else\n").bytes, to: "other")
    for path in [plain, zipped, otherText] {
      let error = #expect(throws: ReplayLogError.self) { try ReplayLogReader(opening: path) }
      #expect(error?.problem == .notALog, "\(path)")
    }
    #expect(mkfifo(scratch.path("pipe"), 0o600) == 0)
    for path in [scratch.path("pipe"), scratch.folder.path] {
      #expect(throws: ReplayLogError(file: path, problem: .notAFile)) { try ReplayLogReader(opening: path) }
    }
    #expect(
      throws: ReplayLogError(file: "/nowhere/log", problem: .system(operation: "open it", code: ENOENT))
    ) { try ReplayLogReader(opening: "/nowhere/log") }
  }

  /// Members of events that state or hold what cannot be. Each is the second member of a log of one event before it.
  static let badMembers: [(name: String, content: [UInt8], events: UInt32, position: UInt64, time: UInt64)] =
    [
      ("a length beyond the member", ForgedLog.event(1, length: 100, [1]), 1, 5, 5),
      ("a length beyond everything", ForgedLog.event(1, length: .max, [1]), 1, 5, 5),
      (
        "a number of 70 bits", [7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 0], 1, 5, 5
      ),
      (
        "positions beyond the end", ForgedLog.event(7, [0]) + ForgedLog.event(7, position: .max, [0]), 2, 5, 5
      ),
      ("idle time beyond the end", ForgedLog.event(7, [0]) + ForgedLog.event(0x87, idle: .max, [0]), 2, 5, 5),
      ("fewer events than stated", ForgedLog.event(7, [0]), 2, 5, 5),
      ("many fewer events than stated", ForgedLog.event(7, [0]), .max, 5, 5),
      ("more events than stated", ForgedLog.event(7, [0]) + ForgedLog.event(7, [0]), 1, 5, 5),
      ("a first event elsewhere", ForgedLog.event(7, position: 1, [0]), 1, 5, 5),
      ("no events", [], 0, 5, 5),
      ("no events at all where one is stated", [], 1, 5, 5),
      ("a clock behind the position", ForgedLog.event(7, [0]), 1, 5, 4),
      ("a source that is none", ForgedLog.event(7, [2]), 1, 5, 5),
      ("a drive that there is not", ForgedLog.event(4, [1, 0, 1]), 1, 5, 5),
      ("flags that there are not", ForgedLog.event(4, [0, 0, 4]), 1, 5, 5),
      ("an operation that there is not", ForgedLog.event(3, [0, 0, 6, 0, 0]), 1, 5, 5),
      ("a digest too many", ForgedLog.event(9, [UInt8](repeating: 0, count: 16)), 1, 5, 5),
      ("half a clock", ForgedLog.event(5, [0, 0, 0, 0]), 1, 5, 5),
      ("a clock and a half", ForgedLog.event(5, [UInt8](repeating: 0, count: 12)), 1, 5, 5),
      ("an end that there is not", ForgedLog.event(10, [9, 0, 0, 0, 0]), 1, 5, 5),
      ("a name that is no text", ForgedLog.event(64, [0xc3]), 1, 5, 5),
      ("a name too long", ForgedLog.event(64, [UInt8](repeating: 0x61, count: 256)), 1, 5, 5),
      ("data too long", ForgedLog.event(1, [UInt8](repeating: 0x61, count: 32_769)), 1, 5, 5),
      ("far too much of nothing", [UInt8](repeating: 0, count: 10_000_000), 1, 5, 5),
    ]

  @Test(arguments: badMembers) func badMembersAreRefused(
    name: String, content: [UInt8], events: UInt32, position: UInt64, time: UInt64
  ) throws {
    let scratch = try Scratch()
    var log = ForgedLog()
    let first = UInt64(log.bytes.count)
    log.member("E", ForgedLog.event(7, [0]) + ForgedLog.event(7, position: 1, [1]), events: 2)
    let second = UInt64(log.bytes.count)
    log.member("E", content, events: events, first: 2, position: position, time: time)

    // Left open, the log ends before the bad member.
    var reader = try ReplayLogReader(opening: scratch.write(log.bytes, to: "open"))
    #expect(!reader.isComplete)
    #expect(reader.droppedByteCount == UInt64(log.bytes.count) - second, "\(name)")
    #expect(try readAll(reader).map(\.position) == [0, 1])

    // Closed with an index that says the same, the log says so too, and reading finds it out.
    log.close(
      entries: [[first, 0, 0, 0], [second, 2, position, time]],
      eventCount: 2 + UInt64(min(max(events, 1), 9)),
      position: .max, time: .max)
    reader = try ReplayLogReader(opening: scratch.write(log.bytes, to: "closed"))
    if reader.isComplete {
      var found: [LogEvent] = []
      let error = #expect(throws: ReplayLogError.self, "\(name)") {
        let cursor = reader.makeCursor()
        while let event = try cursor.next() { found.append(event) }
      }
      guard case .damaged = error?.problem else {
        Issue.record("another problem: \(String(describing: error))")
        return
      }
      #expect(error?.offset == second)
      #expect(found.map(\.position) == [0, 1])
    } else {
      #expect(try readAll(reader).map(\.position) == [0, 1])
    }
  }

  @Test func goodMembersThatCannotFollowEachOtherAreRefused() throws {
    let scratch = try Scratch()
    var log = ForgedLog()
    let first = UInt64(log.bytes.count)
    log.member("E", ForgedLog.event(7, [0]) + ForgedLog.event(7, position: 2, [1]), events: 2)
    let second = UInt64(log.bytes.count)
    log.member("E", ForgedLog.event(7, [0]), events: 1, first: 2, position: 1, time: 1)
    let open = try ReplayLogReader(opening: scratch.write(log.bytes, to: "open"))
    log.close(entries: [[first, 0, 0, 0], [second, 2, 1, 1]], eventCount: 3, position: 1, time: 1)
    let closed = try ReplayLogReader(opening: scratch.write(log.bytes, to: "closed"))
    for reader in [open, closed] {
      let error = #expect(throws: ReplayLogError.self) { try readAll(reader) }
      #expect(error?.offset == first)
    }
  }

  /// Checksums that are right do not make events right: whatever a member holds, it is read or refused.
  @Test(arguments: [UInt64](1...8)) func randomContentsNeverTrap(seed: UInt64) throws {
    let scratch = try Scratch()
    var random = SeededGenerator(seed: seed)
    let kinds = LogEventKind.allCases.map(\.rawValue) + [0, 11, 63, 66, 127]
    var readCount = 0
    for _ in 0..<150 {
      var content: [UInt8] = []
      let count = UInt32.random(in: 1...6, using: &random)
      for number in 0..<count {
        let tag = (kinds.randomElement(using: &random) ?? 0) | (Bool.random(using: &random) ? 0x80 : 0)
        let small = { (random: inout SeededGenerator) in
          UInt64.random(in: 0...UInt64.max >> UInt64.random(in: 0..<64, using: &random), using: &random)
        }
        let data = (0..<Int.random(in: 0...9, using: &random)).map { _ in
          UInt8.random(in: 0...3, using: &random)
        }
        content += ForgedLog.event(
          tag, position: number == 0 ? 0 : small(&random),
          idle: tag < 0x80 ? nil : number == 0 ? 0 : small(&random), data)
      }
      if Bool.random(using: &random) { content[Int.random(in: 0..<content.count, using: &random)] ^= 0xff }
      var log = ForgedLog()
      let first = UInt64(log.bytes.count)
      log.member("E", content, events: count)
      log.close(entries: [[first, 0, 0, 0]], eventCount: UInt64(count), position: .max, time: .max)
      let reader = try ReplayLogReader(opening: scratch.write(log.bytes, to: "log"))
      do throws(ReplayLogError) {
        let events = try readAll(reader)
        readCount += 1
        #expect(
          events.count == count && zip(events, events.dropFirst()).allSatisfy { $0.moment <= $1.moment })
      } catch {
        guard case .damaged = error.problem else {
          guard case .unknownKind = error.problem else { throw error }
          continue
        }
      }
    }
    #expect(readCount > 3, "seed \(seed)")
  }

  @Test func anIndexThatCannotBeIsNotUsed() throws {
    let scratch = try Scratch()
    var log = ForgedLog()
    let first = UInt64(log.bytes.count)
    log.member("E", ForgedLog.event(7, [0]) + ForgedLog.event(7, position: 1, [1]), events: 2)
    let end = UInt64(log.bytes.count)
    func expect(_ isComplete: Bool, _ forged: ForgedLog, _ name: String) throws {
      let reader = try ReplayLogReader(opening: scratch.write(forged.bytes, to: name))
      #expect(reader.isComplete == isComplete, "\(name)")
      #expect(try readAll(reader).map(\.position) == [0, 1], "\(name)")
    }
    func closed(
      _ entries: [[UInt64]], count: UInt64 = 2, offset: UInt64? = nil, entryCount: UInt64? = nil,
      last: UInt64 = 1
    ) -> ForgedLog {
      var copy = log
      copy.close(
        entries: entries, eventCount: count, position: last, time: last, offset: offset, count: entryCount)
      return copy
    }
    let good: [UInt64] = [first, 0, 0, 0]
    try expect(true, closed([good]), "good")
    try expect(false, closed([]), "no entries")
    try expect(false, closed([good, good]), "an entry twice")
    try expect(false, closed([good], entryCount: .max), "far too many entries")
    try expect(false, closed([good], offset: .max), "an offset beyond everything")
    try expect(false, closed([good], offset: 0), "an offset before the header's end")
    try expect(false, closed([good], offset: end + 1), "an offset that is not a member")
    try expect(false, closed([[first - 1, 0, 0, 0]]), "an entry in the header")
    try expect(false, closed([[.max, 0, 0, 0]]), "an entry beyond everything")
    try expect(false, closed([[first, 1, 0, 0]]), "an entry that starts late")
    try expect(false, closed([[first, 0, 5, 0]]), "an entry whose clock is behind")
    try expect(false, closed([good], count: 0), "no events")
    try expect(false, closed([good], count: .max), "too many events")
    var halfAnEntry = log
    halfAnEntry.member("I", [UInt8](repeating: 0, count: 31), first: 2, position: 1, time: 1)
    halfAnEntry.member("T", [], first: 2, position: 1, time: 1, index: (end, 1))
    try expect(false, halfAnEntry, "half an entry")
    // Believed until the member is read, which has one event fewer.
    let reader = try ReplayLogReader(opening: scratch.write(closed([good], count: 3).bytes, to: "one more"))
    #expect(throws: ReplayLogError.self) { try readAll(reader) }
  }
}
