// SPDX-License-Identifier: Apache-2.0

import Foundation
import ReplayLog
import TestSupport
import Testing

@Suite struct WriterTests {
  private let header = ReplayLogHeader(shift: 0, driveCount: 1, digestComponents: ["memory"])

  @Test func anExistingFileIsLeftAlone() throws {
    let scratch = try Scratch()
    let path = try scratch.write(Array("precious".utf8), to: "log")
    let error = #expect(throws: ReplayLogError.self) { try ReplayLogWriter(creating: path, header: header) }
    #expect(error?.problem == .exists)
    #expect(error?.description == "\(path): the log exists already; choose another name, or remove it first")
    #expect(try contents(path) == Array("precious".utf8))
  }

  @Test func aFolderThatIsMissingIsToldOnce() throws {
    let scratch = try Scratch()
    let path = scratch.path("missing/log")
    let error = #expect(throws: ReplayLogError.self) { try ReplayLogWriter(creating: path, header: header) }
    #expect(error?.problem == .system(operation: "create it", code: ENOENT))
  }

  @Test func aFullDiskIsToldByTheNextCalls() throws {
    let scratch = try Scratch()
    let path = scratch.path("log")
    let descriptor = open(path, O_RDWR | O_CREAT, 0o600)
    let writer = try ReplayLogWriter(descriptor: descriptor, path: path, header: header)
    try writer.append(.note("first"), at: .start)
    try writer.drain()
    // From here on, the disk is full.
    let full = open("/dev/full", O_WRONLY)
    #expect(dup2(full, descriptor) == descriptor)
    close(full)

    let expected = ReplayLogError(file: path, problem: .system(operation: "write it", code: ENOSPC))
    #expect(throws: expected) {
      // More than may wait for the writing thread, so that this cannot end before the error is there.
      for number in 0..<100 as Range<UInt64> {
        try writer.append(.note("more"), at: LogMoment(position: number, time: number))
        try writer.flush()
      }
    }
    #expect(throws: expected) { try writer.append(.note("again"), at: LogMoment(position: 99, time: 99)) }
    #expect(throws: expected) { try writer.close() }
    #expect(
      expected.description
        == "\(path): cannot write it: No space left on device; make room, or record to another disk")
    let reader = try ReplayLogReader(opening: path)
    #expect(try readAll(reader).map(\.payload) == [.note("first")])
  }

  @Test func aFullDiskAtTheStartIsToldAtOnce() throws {
    let descriptor = open("/dev/full", O_WRONLY)
    #expect(throws: ReplayLogError(file: "full", problem: .system(operation: "write it", code: ENOSPC))) {
      try ReplayLogWriter(descriptor: descriptor, path: "full", header: header)
    }
  }

  @Test func whatWasFlushedSurvivesAKilledRecorder() throws {
    let scratch = try Scratch()
    var writer: ReplayLogWriter? = try ReplayLogWriter(creating: scratch.path("log"), header: header)
    for number in 0..<100 as Range<UInt64> {
      try writer?.append(.clockRead(nanoseconds: number), at: LogMoment(position: number, time: number))
      if number == 69 { try writer?.drain() }
    }
    // Other processes see it while the recorder lives ...
    #expect(try ReplayLogReader(opening: scratch.path("log")).eventCount == 70)
    #expect(try runProgram(["gzip", "-t", scratch.path("log")]).status == 0)
    // ... and after it has gone without a word.
    writer = nil
    let reader = try ReplayLogReader(opening: scratch.path("log"))
    #expect(!reader.isComplete)
    #expect(reader.droppedByteCount == 0)
    #expect(reader.last == LogMoment(position: 69, time: 69))
    #expect(try readAll(reader).count == 70)
  }

  @Test func aMemberReachesOnlySoFar() throws {
    let scratch = try Scratch()
    let writer = try ReplayLogWriter(creating: scratch.path("log"), header: header, memberSpan: 1000)
    for number in 0..<100 as Range<UInt64> {
      try writer.append(.clockRead(nanoseconds: 0), at: LogMoment(position: number * 100, time: number * 100))
    }
    try writer.close()
    #expect(try ReplayLogReader(opening: scratch.path("log")).memberCount == 10)
  }

  @Test func muchDataGoThroughInOrder() throws {
    let scratch = try Scratch()
    let writer = try ReplayLogWriter(creating: scratch.path("log"), header: header)
    var random = SeededGenerator(seed: 3)
    let block = (0..<30_000).map { _ in UInt8.random(in: 0...255, using: &random) }
    for number in 0..<400 as Range<UInt64> {
      try writer.append(
        .entropyRead(block.map { $0 ^ UInt8(truncatingIfNeeded: number) }),
        at: LogMoment(position: number, time: number))
    }
    try writer.close()
    try writer.close()
    #expect(writer.byteCount == UInt64(try contents(scratch.path("log")).count))
    let reader = try ReplayLogReader(opening: scratch.path("log"))
    let cursor = reader.makeCursor()
    for number in 0..<400 as Range<UInt64> {
      #expect(
        try cursor.next()?.payload == .entropyRead(block.map { $0 ^ UInt8(truncatingIfNeeded: number) }))
    }
    #expect(try runProgram(["gzip", "-t", scratch.path("log")]).status == 0)
  }

  @Test(arguments: [0, 1, 9]) func everyLevelUnpacksToTheSame(level: Int) throws {
    let scratch = try Scratch()
    let writer = try ReplayLogWriter(creating: scratch.path("log"), header: header, compressionLevel: level)
    try writer.append(.consoleOutput([UInt8](repeating: 7, count: 32_768)), at: .start)
    try writer.append(.consoleOutput([UInt8](repeating: 8, count: 32_000)), at: .start)
    try writer.close()
    let reader = try ReplayLogReader(opening: scratch.path("log"))
    #expect((reader.byteCount > 60_000) == (level == 0))
    #expect(
      try readAll(reader).map(\.payload) == [
        .consoleOutput([UInt8](repeating: 7, count: 32_768)),
        .consoleOutput([UInt8](repeating: 8, count: 32_000)),
      ])
  }
}
