// SPDX-License-Identifier: Apache-2.0

import Foundation
import ReplayLog
import TestSupport
import Testing

/// Digests that are not known yet when their event is appended.
@Suite struct LateDigestTests {
  private let header = ReplayLogHeader(shift: 0, driveCount: 1, digestComponents: ["hart0", "memory"])

  private func moment(_ position: UInt64) -> LogMoment { LogMoment(position: position, time: position) }

  /// Values that come when they are let go.
  private final class Late: Sendable {
    private let gate = DispatchSemaphore(value: 0)
    let values: [UInt64]
    init(_ values: [UInt64]) { self.values = values }
    func letGo() { gate.signal() }
    func wait() -> [UInt64] {
      gate.wait()
      gate.signal()
      return values
    }
  }

  @Test func eventsKeepTheirOrder() throws {
    let scratch = try Scratch()
    let path = scratch.path("log")
    let writer = try ReplayLogWriter(creating: path, header: header)
    try writer.append(.note("before"), at: moment(1))
    let (first, second) = (Late([1, 2]), Late([3, .max]))
    #expect(try writer.append(digests: { first.wait() }, at: moment(5)) == 1)
    // The run goes on: none of this waits.
    try writer.append(.clockRead(nanoseconds: 7), at: moment(6))
    try writer.append(digests: { second.wait() }, at: moment(7))
    try writer.append(.note("after"), at: moment(7))
    try writer.flush()
    #expect(writer.eventCount == 5)
    #expect(try ReplayLogReader(opening: path).eventCount == 0, "nothing may be there before its time")
    second.letGo()
    first.letGo()
    try writer.append(.note("at the end"), at: moment(8))
    try writer.close()
    let expected: [LogPayload] = [
      .note("before"), .digest([1, 2]), .clockRead(nanoseconds: 7), .digest([3, .max]), .note("after"),
      .note("at the end"),
    ]
    #expect(try readAll(ReplayLogReader(opening: path)).map(\.payload) == expected)
    #expect(try readAll(ReplayLogReader(opening: path)).map(\.moment.position) == [1, 5, 6, 7, 7, 8])
  }

  /// Digests at the beginning, in the middle and at the end of members, beside the same log written with digests that are known.
  @Test func theFileIsTheSameAsWithKnownDigests() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    let scratch = try Scratch()
    for name in ["late", "known"] {
      var random = SeededGenerator(seed: seed)
      let writer = try ReplayLogWriter(creating: scratch.path(name), header: header, memberSpan: 500)
      for number in 0..<2000 as Range<UInt64> {
        if Int.random(in: 0..<4, using: &random) == 0 {
          let values = [random.next(), random.next()]
          if name == "late" {
            try writer.append(digests: { values }, at: moment(number * 40))
          } else {
            try writer.append(.digest(values), at: moment(number * 40))
          }
        } else {
          let bytes = [UInt8](repeating: 3, count: Int.random(in: 0..<3000, using: &random))
          try writer.append(.consoleOutput(bytes), at: moment(number * 40))
        }
      }
      try writer.close()
    }
    let isSame = try contents(scratch.path("late")) == contents(scratch.path("known"))
    #expect(isSame, "seed \(seed)")
  }

  /// A recorder that is killed while a digest is pending leaves what came before.
  @Test func aKilledRecorderLeavesWhatCameBefore() throws {
    let scratch = try Scratch()
    let path = scratch.path("log")
    let late = Late([1, 2])
    let writer = try ReplayLogWriter(creating: path, header: header)
    try writer.append(.note("before"), at: moment(1))
    try writer.drain()
    try writer.append(digests: { late.wait() }, at: moment(2))
    try writer.append(.note("after"), at: moment(3))
    try writer.flush()
    // As another process sees it, and would find it if this one were killed now.
    let reader = try ReplayLogReader(opening: path)
    #expect(!reader.isComplete && reader.droppedByteCount == 0)
    #expect(try readAll(reader).map(\.payload) == [.note("before")])
    late.letGo()
    try writer.drain()
    #expect(try ReplayLogReader(opening: path).eventCount == 3)
  }

  /// More than may wait for the writing thread: whoever appends waits, and nothing is lost.
  @Test func manyEventsWaitForADigest() async throws {
    let scratch = try Scratch()
    let path = scratch.path("log")
    let late = Late([1, 2])
    let writer = try ReplayLogWriter(creating: path, header: header)
    try writer.append(digests: { late.wait() }, at: moment(0))
    let bytes = [UInt8](repeating: 1, count: 30_000)
    // A mebibyte may wait. So the last of these waits until the digest is there.
    Thread.detachNewThread {
      usleep(20_000)
      late.letGo()
    }
    for number in 1...100 as ClosedRange<UInt64> {
      try writer.append(.entropyRead(bytes), at: moment(number))
    }
    try writer.close()
    let events = try readAll(ReplayLogReader(opening: path))
    #expect(events.count == 101 && events.first?.payload == .digest([1, 2]))
  }

  @Test func aFullDiskIsToldWithADigestPending() throws {
    let scratch = try Scratch()
    let path = scratch.path("log")
    let descriptor = open(path, O_RDWR | O_CREAT, 0o600)
    let writer = try ReplayLogWriter(descriptor: descriptor, path: path, header: header)
    let full = open("/dev/full", O_WRONLY)
    #expect(dup2(full, descriptor) == descriptor)
    close(full)
    let late = Late([1, 2])
    try writer.append(digests: { late.wait() }, at: moment(1))
    try writer.flush()
    late.letGo()
    let expected = ReplayLogError(file: path, problem: .system(operation: "write it", code: ENOSPC))
    #expect(throws: expected) { try writer.drain() }
    #expect(throws: expected) { try writer.append(digests: { [1, 2] }, at: moment(2)) }
    #expect(throws: expected) { try writer.close() }
  }
}
