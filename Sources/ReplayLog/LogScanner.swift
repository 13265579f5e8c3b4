// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Finds out what is in a log when it is opened: the header, then the index, from the file's end or by walking.
struct LogScanner {
  struct Contents {
    var index: MemberIndex
    /// Where the last member of events ends.
    var eventsEnd: UInt64
    var eventCount: UInt64
    var last: LogMoment
  }

  /// No file of this world has more events; below it, numbers can be added up without a thought.
  private static let eventCountLimit: UInt64 = 1 << 62

  let header: ReplayLogHeader
  /// Number of the first event.
  let firstEvent: UInt64
  let byteCount: UInt64
  private let file: LogFile
  private let headerEnd: UInt64

  init(file: LogFile) throws(ReplayLogError) {
    self.file = file
    byteCount = try file.size()
    let start = try file.read(LogMember.headSize, at: 0)
    let magic: [UInt8] = [0x1f, 0x8b, 8, 4]
    guard start.starts(with: magic.prefix(start.count)) else {
      throw ReplayLogError(file: file.path, problem: .notALog)
    }
    guard start.count == LogMember.headSize else { throw ReplayLogError(file: file.path, problem: .noHeader) }
    guard start[12..<14].elementsEqual([0x52, 0x4c]) else {
      throw ReplayLogError(file: file.path, problem: .notALog)
    }
    guard let head = LogMember(head: start), head.kind == .header else {
      throw ReplayLogError(file: file.path, offset: 0, problem: .damaged("it does not start with a header"))
    }
    guard UInt64(head.byteCount) <= byteCount else {
      throw ReplayLogError(file: file.path, problem: .noHeader)
    }
    let (member, content) = try MemberReader.read(file, at: 0)
    header = try ReplayLogHeader(decoding: content, file: file.path)
    headerEnd = UInt64(member.byteCount)
    // Before version 2 nothing was ever dropped.
    firstEvent = header.version.major >= ReplayLogHeader.droppedVersion.major ? member.firstEvent : 0
    guard firstEvent <= Self.eventCountLimit else {
      throw ReplayLogError(file: file.path, offset: 0, problem: .damaged("it starts with no possible event"))
    }
  }

  /// What the index at the file's end says; nil when there is none that can be right.
  func index() throws(ReplayLogError) -> Contents? {
    guard byteCount >= headerEnd + UInt64(LogMember.trailingSize) else { return nil }
    let trailingOffset = byteCount - UInt64(LogMember.trailingSize)
    guard let (trailing, _) = try member(at: trailingOffset), let location = trailing.indexLocation,
      location.offset >= headerEnd, location.offset <= trailingOffset,
      location.entryCount <= location.offset / UInt64(LogMember.byteCountMinimum)
    else { return nil }

    var index = MemberIndex()
    index.entries.reserveCapacity(Int(location.entryCount))
    var offset = location.offset
    while offset < trailingOffset {
      guard let (member, content) = try member(at: offset), member.kind == .index,
        index.append(decoding: content),
        UInt64(index.entries.count) <= location.entryCount
      else { return nil }
      offset += UInt64(member.byteCount)
    }
    let contents = Contents(
      index: index, eventsEnd: location.offset, eventCount: trailing.firstEvent, last: trailing.first)
    guard offset == trailingOffset, UInt64(index.entries.count) == location.entryCount, isConsistent(contents)
    else { return nil }
    return contents
  }

  /// What walking over the members from the header on finds, up to the last one that is whole.
  func rebuiltIndex() throws(ReplayLogError) -> Contents {
    var contents = Contents(
      index: MemberIndex(), eventsEnd: headerEnd, eventCount: firstEvent, last: header.start)
    while let member = LogMember(head: try file.read(LogMember.headSize, at: contents.eventsEnd)),
      member.kind == .events, member.firstEvent == contents.eventCount, member.eventCount > 0,
      header.allows(member.first, after: contents.last)
    {
      let (end, endOverflows) = contents.eventsEnd.addingReportingOverflow(UInt64(member.byteCount))
      let (count, countOverflows) = contents.eventCount.addingReportingOverflow(UInt64(member.eventCount))
      guard !endOverflows, !countOverflows, end <= byteCount, count <= Self.eventCountLimit else { break }
      contents.index.entries.append(
        .init(offset: contents.eventsEnd, firstEvent: member.firstEvent, first: member.first))
      contents.eventsEnd = end
      contents.eventCount = count
      contents.last = member.first
    }
    // A machine that lost its power may have kept the file's size but not its last data, so members at the end are
    // complete only when they can be read.
    while let entry = contents.index.entries.last {
      do throws(ReplayLogError) {
        let events = try MemberReader(file: file, header: header)
          .events(of: entry, byteCount: contents.eventsEnd - entry.offset)
        contents.last = events[events.count - 1].moment
        break
      } catch {
        guard case .damaged = error.problem else { throw error }
        contents.index.entries.removeLast()
        contents.eventsEnd = entry.offset
        contents.eventCount = entry.firstEvent
        contents.last = header.start
      }
    }
    return contents
  }

  /// The member at `offset` when there is a good one.
  private func member(at offset: UInt64) throws(ReplayLogError) -> (LogMember, [UInt8])? {
    do throws(ReplayLogError) {
      return try MemberReader.read(file, at: offset)
    } catch {
      guard case .damaged = error.problem else { throw error }
      return nil
    }
  }

  /// Whether members of possible sizes, one after the other from the header to the index, can have these entries.
  private func isConsistent(_ contents: Contents) -> Bool {
    let possibleSizes = UInt64(LogMember.byteCountMinimum)...UInt64(LogMember.byteCountLimit)
    var offset = headerEnd
    var firstEvent = firstEvent
    var first = header.start
    for (number, entry) in contents.index.entries.enumerated() {
      let next = number + 1 < contents.index.entries.count ? contents.index.entries[number + 1] : nil
      let end = next?.offset ?? contents.eventsEnd
      guard entry.offset == offset, entry.firstEvent == firstEvent, header.allows(entry.first, after: first),
        end > entry.offset, possibleSizes.contains(end - entry.offset),
        next?.firstEvent ?? contents.eventCount > entry.firstEvent
      else { return false }
      offset = end
      firstEvent = next?.firstEvent ?? contents.eventCount
      first = entry.first
    }
    return offset == contents.eventsEnd && firstEvent == contents.eventCount
      && contents.eventCount <= Self.eventCountLimit
      && header.allows(contents.last, after: first)
  }
}
