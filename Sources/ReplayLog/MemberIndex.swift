// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Where each member of events starts: in the file, in the order of events, in the run.
struct MemberIndex: Sendable {
  struct Entry: Sendable, Equatable {
    var offset: UInt64
    var firstEvent: UInt64
    var first: LogMoment

    static let byteCount = 32
  }

  /// Ascending in all but perhaps `first`, which may repeat.
  var entries: [Entry] = []

  /// Entries that go into one index member.
  static let entriesPerMember = LogMember.contentLimit / Entry.byteCount

  /// The contents of the index members.
  func encoded() -> [[UInt8]] {
    stride(from: 0, to: entries.count, by: Self.entriesPerMember).map { start in
      var writer = ByteWriter(reserving: LogMember.contentLimit)
      for entry in entries[start..<min(start + Self.entriesPerMember, entries.count)] {
        writer.uint64(entry.offset)
        writer.uint64(entry.firstEvent)
        writer.uint64(entry.first.position)
        writer.uint64(entry.first.time)
      }
      return writer.bytes
    }
  }

  /// Adds the entries in the contents of one index member; false when they are not whole entries.
  mutating func append(decoding bytes: [UInt8]) -> Bool {
    var reader = ByteReader(bytes)
    do throws(ByteCodingError) {
      while !reader.isAtEnd {
        entries.append(
          Entry(
            offset: try reader.uint64(), firstEvent: try reader.uint64(),
            first: LogMoment(position: try reader.uint64(), time: try reader.uint64())))
      }
      return true
    } catch {
      return false
    }
  }

  /// The member that holds event `number`, which must be in the log.
  func member(holdingEvent number: UInt64) -> Int {
    count { $0.firstEvent <= number } - 1
  }

  /// The member in which to start looking for the first event at `position` or after it.
  func member(forPosition position: UInt64) -> Int {
    max(0, count { $0.first.position < position } - 1)
  }

  /// How many entries, all at the front, satisfy `isBefore`.
  private func count(where isBefore: (Entry) -> Bool) -> Int {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = low + (high - low) / 2
      if isBefore(entries[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
