// SPDX-License-Identifier: Apache-2.0

import HostSystem

/// Records of what takes a while, in the order in which they began: one is handed out when it and all before it have ended.
struct OpenRecords<Record> {
  private struct Entry {
    /// Nil for one that was none.
    var record: Record?
    var isOpen = true
  }

  /// Records that wait at most, most of them for one that does not end.
  private static var waitingLimit: Int { 1 << 20 }

  /// Records that are wanted at most.
  private let limit: Int
  private var entries: [Entry] = []
  /// The number of the first of them.
  private var first = 0
  /// Those that have begun.
  private var count = 0

  init(limit: Int) { self.limit = limit }

  /// No more are wanted.
  var isFull: Bool { count >= limit }

  /// The number of a record that has begun; nil when it is not wanted.
  mutating func begin(_ record: Record) -> Int? {
    guard !isFull else { return nil }
    count += 1
    entries.append(Entry(record: record))
    return first + entries.count - 1
  }

  /// One has ended, or is not waited for any longer.
  mutating func end(_ number: Int, _ change: (inout Record) -> Void = { _ in }) {
    guard number >= first, var record = entries[number - first].record else { return }
    change(&record)
    entries[number - first] = Entry(record: record, isOpen: false)
  }

  /// One that has begun was none.
  mutating func cancel(_ number: Int) {
    guard number >= first, entries[number - first].record != nil else { return }
    entries[number - first] = Entry(record: nil, isOpen: false)
    count -= 1
  }

  mutating func take() throws -> [Record] {
    let ended = entries.firstIndex { $0.isOpen } ?? entries.count
    guard entries.count - ended <= Self.waitingLimit else {
      throw Failure(
        .usage, "\(UInt64(Self.waitingLimit).grouped) calls",
        "wait for one that began before them and has not returned",
        remedy: "look at a shorter stretch with --from and --to, or at fewer calls with --limit")
    }
    defer {
      entries.removeFirst(ended)
      first += ended
    }
    return entries[..<ended].compactMap(\.record)
  }

  mutating func takeRest() -> [Record] {
    defer {
      first += entries.count
      entries.removeAll()
    }
    return entries.compactMap(\.record)
  }
}
