// SPDX-License-Identifier: Apache-2.0

/// Bytes that leave in the order in which they came; taking one costs constant time.
struct ByteQueue {
  private var storage: [UInt8] = []
  private var head = 0

  init() {}
  init(_ bytes: some Collection<UInt8>) { storage = Array(bytes) }

  var count: Int { storage.count - head }
  var isEmpty: Bool { count == 0 }
  /// What is queued, oldest first.
  var contents: ArraySlice<UInt8> { storage[head...] }

  mutating func append(_ byte: UInt8) { storage.append(byte) }
  mutating func append(_ bytes: some Collection<UInt8>) { storage.append(contentsOf: bytes) }

  mutating func popFirst() -> UInt8? {
    guard head < storage.count else { return nil }
    defer { advance(by: 1) }
    return storage[head]
  }

  /// Takes at most `limit` bytes.
  mutating func popFirst(_ limit: Int) -> [UInt8] {
    let taken = Array(contents.prefix(limit))
    advance(by: taken.count)
    return taken
  }

  mutating func removeAll() {
    storage.removeAll()
    head = 0
  }

  private mutating func advance(by count: Int) {
    head += count
    if head == storage.count {
      removeAll()
    } else if head >= 4096, head * 2 >= storage.count {
      storage.removeFirst(head)
      head = 0
    }
  }
}
