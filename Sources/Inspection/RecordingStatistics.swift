// SPDX-License-Identifier: Apache-2.0

import ReplayLog

/// Figures of a recording's log.
public struct RecordingStatistics: Sendable, Equatable {
  /// A tenth of the run.
  public struct Decile: Sendable, Equatable {
    public var firstPosition: UInt64
    /// The last position that belongs to it.
    public var lastPosition: UInt64
    public var eventCount: UInt64 = 0
    /// Bytes of events, before compression.
    public var byteCount: UInt64 = 0
    /// Time skipped before its events, in guest nanoseconds.
    public var idleTime: UInt64 = 0
  }

  /// A stretch without an event.
  public struct Gap: Sendable, Equatable {
    /// The event before it; nil for the start of the run.
    public var afterEvent: UInt64?
    public var firstPosition: UInt64
    public var instructionCount: UInt64
    /// Guest nanoseconds, idle ones among them.
    public var duration: UInt64
  }

  /// What was done with a drive. Sums that do not fit stay at the largest number.
  public struct DriveTotals: Sendable, Equatable {
    public var readCount: UInt64 = 0
    public var readSectors: UInt64 = 0
    public var writeCount: UInt64 = 0
    public var writtenSectors: UInt64 = 0
    public var flushCount: UInt64 = 0
    /// Discards and writes of zeroes.
    public var clearCount: UInt64 = 0
    public var clearedSectors: UInt64 = 0
    public var completionCount: UInt64 = 0
    public var failureCount: UInt64 = 0

    public var requestCount: UInt64 { readCount + writeCount + flushCount + clearCount }
  }

  /// What passed through a network card.
  public struct InterfaceTotals: Sendable, Equatable {
    public var inputCount: UInt64 = 0
    public var inputBytes: UInt64 = 0
    public var outputCount: UInt64 = 0
    public var outputBytes: UInt64 = 0
    public var linkChangeCount: UInt64 = 0
  }

  static let decileCount = 10
  static let gapLimit = 10

  public var kinds: [KindCount]
  public var deciles: [Decile]
  /// The longest in instructions, longest first; of equals the earlier first.
  public var gaps: [Gap]
  public var drives: [DriveTotals]
  /// By index, of those that anything is known of.
  public var interfaces: [Int: InterfaceTotals] = [:]
  public var start: LogMoment
  public var last: LogMoment
  /// Guest nanoseconds skipped while every hart waited for an interrupt.
  public var idleTime: UInt64
  public var longestIdleTime: UInt64 = 0
  public var consoleInputBytes: UInt64 = 0
  public var consoleOutputBytes: UInt64 = 0
  public var entropyBytes: UInt64 = 0
  public var eventCount: UInt64
  /// Bytes of events, before compression.
  public var eventBytes: UInt64
  /// Bytes of the log's file.
  public var logBytes: UInt64
  public var memberCount: Int

  /// Reads the whole log once.
  public init(log: ReplayLogReader) throws(ReplayLogError) {
    start = log.header.start
    last = log.last
    let shift = UInt64(log.header.shift)
    // Opening has checked that these clocks are not behind their positions.
    func idle(_ moment: LogMoment) -> UInt64 { moment.time - (moment.position << shift) }
    idleTime = idle(last) - idle(start)
    var parts = RunParts(from: start.position, to: last.position, count: Self.decileCount)
    deciles = parts.positions.map { Decile(firstPosition: $0.lowerBound, lastPosition: $0.upperBound) }
    drives = Array(repeating: DriveTotals(), count: log.header.driveCount)
    gaps = []
    logBytes = log.byteCount
    memberCount = log.memberCount
    kinds = []
    eventCount = log.eventCount - log.firstEventNumber
    eventBytes = 0

    var tally = LogTally()
    var previous = start
    var previousNumber: UInt64?
    let cursor = log.makeCursor()
    while let event = try cursor.next() {
      tally.add(event)
      let decile = parts.index(of: event.position)
      let idleBefore = idle(event.moment) - idle(previous)
      deciles[decile].eventCount += 1
      deciles[decile].byteCount += UInt64(event.byteCount)
      deciles[decile].idleTime += idleBefore
      longestIdleTime = max(longestIdleTime, idleBefore)
      Self.note(
        Gap(
          afterEvent: previousNumber, firstPosition: previous.position,
          instructionCount: event.position - previous.position, duration: event.time - previous.time),
        in: &gaps)
      (previous, previousNumber) = (event.moment, event.number)
      count(event.payload)
    }
    kinds = tally.kindCounts
    eventBytes = tally.total.bytes
  }

  /// Share of the guest's time that was idle; nil when no time passed.
  public var idleShare: Double? {
    last.time == start.time ? nil : Double(idleTime) / Double(last.time - start.time)
  }

  /// Bytes of events for each byte of the file.
  public var compressionRatio: Double { Double(eventBytes) / Double(logBytes) }

  private mutating func count(_ payload: LogPayload) {
    switch payload {
    case .consoleInput(let data): consoleInputBytes += UInt64(data.count)
    case .consoleOutput(let data): consoleOutputBytes += UInt64(data.count)
    case .entropyRead(let data): entropyBytes += UInt64(data.count)
    case .blockRequest(let request): drives[request.drive].count(request)
    case .blockCompletion(let completion):
      drives[completion.drive].completionCount += 1
      if !completion.succeeded { drives[completion.drive].failureCount += 1 }
    case .frameInput(let frame):
      interfaces[frame.interface, default: .init()].inputCount += 1
      interfaces[frame.interface, default: .init()].inputBytes += UInt64(frame.byteCount)
    case .frameOutput(let frame):
      interfaces[frame.interface, default: .init()].outputCount += 1
      interfaces[frame.interface, default: .init()].outputBytes += UInt64(frame.byteCount)
    case .linkChange(let interface, _): interfaces[interface, default: .init()].linkChangeCount += 1
    default: break
    }
  }

  private static func note(_ gap: Gap, in gaps: inout [Gap]) {
    guard gap.instructionCount > 0 else { return }
    if gaps.count == gapLimit, let least = gaps.last, least.instructionCount >= gap.instructionCount {
      return
    }
    let index = gaps.firstIndex { $0.instructionCount < gap.instructionCount } ?? gaps.count
    gaps.insert(gap, at: index)
    if gaps.count > gapLimit { gaps.removeLast() }
  }
}

extension RecordingStatistics.DriveTotals {
  fileprivate mutating func count(_ request: LogBlockRequest) {
    switch request.operation {
    case .read:
      readCount += 1
      readSectors = readSectors.addingClamped(request.sectorCount)
    case .write:
      writeCount += 1
      writtenSectors = writtenSectors.addingClamped(request.sectorCount)
    case .flush: flushCount += 1
    case .discard, .writeZeroes, .writeZeroesUnmap:
      clearCount += 1
      clearedSectors = clearedSectors.addingClamped(request.sectorCount)
    }
  }
}

extension UInt64 {
  /// The sum, or the largest number when that does not fit: a log may claim any sizes.
  func addingClamped(_ number: UInt64) -> UInt64 {
    let (sum, overflows) = addingReportingOverflow(number)
    return overflows ? .max : sum
  }
}
