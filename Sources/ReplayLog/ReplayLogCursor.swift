// SPDX-License-Identifier: Apache-2.0

/// A place between two events of a log, from which events are read forwards.
///
/// It keeps the events of one member, at most a few megabytes. Not Sendable: it belongs to one thread. After an error
/// it stands where it stood.
public final class ReplayLogCursor {
  private let reader: ReplayLogReader
  /// The member whose events are at hand; `memberCount` of the log at its end.
  private var member = 0
  private var events: [LogEvent] = []
  /// The next event in `events`; its count when the next one is the first of the next member.
  private var nextIndex = 0
  private var isLoaded = false

  init(_ reader: ReplayLogReader) {
    self.reader = reader
    nextNumber = reader.firstEventNumber
  }

  /// Number of the event that `next` gives; the log's event count at the end.
  public private(set) var nextNumber: UInt64

  /// The next event, which stays the next one; nil at the end.
  public func peek() throws(ReplayLogError) -> LogEvent? {
    try load() ? events[nextIndex] : nil
  }

  /// The next event, and goes past it; nil at the end.
  public func next() throws(ReplayLogError) -> LogEvent? {
    guard try load() else { return nil }
    defer {
      nextIndex += 1
      nextNumber += 1
    }
    return events[nextIndex]
  }

  /// Goes to before event `number`, to the first event when that one was dropped, or to the end when there are not
  /// so many.
  public func seek(toEvent number: UInt64) throws(ReplayLogError) {
    let number = max(number, reader.firstEventNumber)
    guard number < reader.eventCount else { return seekToEnd() }
    try load(member: reader.index.member(holdingEvent: number))
    place(at: Int(number - events[0].number))
  }

  /// Goes to before the first event at `position` or after it, or to the end when there is none.
  public func seek(toPosition position: UInt64) throws(ReplayLogError) {
    guard reader.memberCount > 0 else { return }
    try load(member: reader.index.member(forPosition: position))
    var low = 0
    var high = events.count
    while low < high {
      let middle = low + (high - low) / 2
      if events[middle].position < position { low = middle + 1 } else { high = middle }
    }
    place(at: low)
  }

  private func seekToEnd() {
    member = reader.memberCount
    events = []
    isLoaded = false
    nextIndex = 0
    nextNumber = reader.eventCount
  }

  private func place(at index: Int) {
    nextIndex = index
    nextNumber = events[0].number + UInt64(index)
  }

  /// Makes `events[nextIndex]` the next event; false at the end.
  private func load() throws(ReplayLogError) -> Bool {
    if nextIndex < events.count { return true }
    let following = isLoaded ? member + 1 : member
    guard following < reader.memberCount else { return false }
    try load(member: following)
    nextIndex = 0
    return true
  }

  private func load(member number: Int) throws(ReplayLogError) {
    if isLoaded && member == number { return }
    events = try reader.events(inMember: number)
    member = number
    isLoaded = true
  }
}
