// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Reads a log. Nothing in the file is trusted.
///
/// Opening looks at the header and the index alone; events are read through cursors, a member at a time. A log whose
/// recorder was killed has no index: opening then walks over the heads of the members, and everything up to the last
/// complete member is there.
///
/// Sendable: it does not change after opening. Each cursor belongs to one thread.
public final class ReplayLogReader: Sendable {
  public let header: ReplayLogHeader
  /// Whether the log was closed by its recorder.
  public let isComplete: Bool
  /// Bytes after the last complete member of a log that is not complete; they are not looked at.
  public let droppedByteCount: UInt64
  /// Number of the first event that the log has: 0, unless older ones were dropped while it was made.
  public let firstEventNumber: UInt64
  /// Events up to the end, dropped ones included: one more than the last one's number.
  public let eventCount: UInt64
  /// The moment of the last event; the start of the run when there is none.
  public let last: LogMoment
  /// Bytes of the file.
  public let byteCount: UInt64
  /// Gzip members with events in them.
  public var memberCount: Int { index.entries.count }
  public var path: String { file.path }

  private let file: LogFile
  let index: MemberIndex
  /// Where the last member of events ends.
  private let eventsEnd: UInt64

  /// Opens the log at `path`. Never waits and never writes.
  public init(opening path: String) throws(ReplayLogError) {
    file = try LogFile.open(path)
    let scanner = try LogScanner(file: file)
    header = scanner.header
    firstEventNumber = scanner.firstEvent
    byteCount = scanner.byteCount
    if let found = try scanner.index() {
      (index, eventsEnd, eventCount, last) = (found.index, found.eventsEnd, found.eventCount, found.last)
      isComplete = true
      droppedByteCount = 0
    } else {
      let found = try scanner.rebuiltIndex()
      (index, eventsEnd, eventCount, last) = (found.index, found.eventsEnd, found.eventCount, found.last)
      isComplete = false
      droppedByteCount = byteCount - found.eventsEnd
    }
  }

  /// A cursor before the first event.
  public func makeCursor() -> ReplayLogCursor { ReplayLogCursor(self) }

  /// The events of one member, in order and never none.
  func events(inMember number: Int) throws(ReplayLogError) -> [LogEvent] {
    let entry = index.entries[number]
    let next = number + 1 < index.entries.count ? index.entries[number + 1] : nil
    let events = try MemberReader(file: file, header: header)
      .events(of: entry, byteCount: (next?.offset ?? eventsEnd) - entry.offset)
    // Opening has checked that there are such numbers; the members must keep to them.
    let end = next?.firstEvent ?? eventCount
    guard entry.firstEvent + UInt64(events.count) == end,
      header.allows(next?.first ?? last, after: events[events.count - 1].moment)
    else {
      throw ReplayLogError(
        file: path, offset: entry.offset,
        problem: .damaged("a member does not agree with the next, or the index"))
    }
    return events
  }
}

extension ReplayLogHeader {
  /// Whether an event may be at `moment` when the one before is at `previous`: neither position nor idle time sinks.
  package func allows(_ moment: LogMoment, after previous: LogMoment) -> Bool {
    guard let idle = moment.idleTime(shift: shift), let previousIdle = previous.idleTime(shift: shift) else {
      return false
    }
    return moment.position >= previous.position && idle >= previousIdle
  }
}
