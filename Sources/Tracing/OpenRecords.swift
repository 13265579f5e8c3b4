// SPDX-License-Identifier: Apache-2.0

import HostSystem

/// Records of what takes a while, in the order in which they began: one is handed out when it and all before it have ended.
struct OpenRecords<Record> {
  /// Records that wait at most, most of them for one that does not end.
  private let limit: Int
  private var records: [(record: Record, isOpen: Bool)] = []
  /// The number of the first of them.
  private var first = 0

  init(limit: Int = 1 << 22) { self.limit = limit }

  /// The number of a record that has begun.
  mutating func begin(_ record: Record) -> Int {
    records.append((record, true))
    return first + records.count - 1
  }

  /// One has ended, or is not waited for any longer.
  mutating func end(_ number: Int, _ change: (inout Record) -> Void = { _ in }) {
    guard number >= first else { return }
    change(&records[number - first].record)
    records[number - first].isOpen = false
  }

  mutating func take() throws -> [Record] {
    let count = records.firstIndex { $0.isOpen } ?? records.count
    guard records.count - count <= limit else {
      throw Failure(
        .usage, "\(UInt64(limit).grouped) calls", "wait for one that began before them and has not returned",
        remedy: "look at a shorter stretch with --from and --to")
    }
    defer {
      records.removeFirst(count)
      first += count
    }
    return records[..<count].map(\.record)
  }

  mutating func takeRest() -> [Record] {
    defer {
      first += records.count
      records.removeAll()
    }
    return records.map(\.record)
  }
}
