// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Glibc

/// One thing in which two machines differ, with what each of them has.
package struct StateDifference: Equatable, Sendable {
  /// "hart0 mepc", "uart0 byte 12", "memory 0x80001000".
  package var name: String
  package var left: String
  package var right: String

  package init(name: String, left: String, right: String) {
    self.name = name
    self.left = left
    self.right = right
  }
}

/// Comparing two machines of one configuration.
extension Machine {
  /// In what this machine (left) differs from `other` (right), at most `limit` things of each component. Slow: it looks at
  /// all of RAM.
  package func differences(from other: Machine, limit: Int = 16) -> [StateDifference] {
    var found: [StateDifference] = []
    for (index, (mine, theirs)) in zip(components, other.components).enumerated() {
      let (left, right) = (mine.bytes(), theirs.bytes())
      guard left != right else { continue }
      var fields: [(name: String, size: Int)] = []
      if index == 0 { fields = Self.boardFields }
      if (1...configuration.hartCount).contains(index) { fields = Self.hartFields }
      found += Self.differences(mine.name, left, right, fields).prefix(limit)
    }
    return found + memoryDifferences(from: other, limit: limit)
  }

  /// Whether the memory of both machines is the same, whatever is known of changes.
  package func hasSameMemory(as other: Machine) -> Bool {
    memcmp(memory.bytes, other.memory.bytes, Int(memory.totalSize)) == 0
  }

  /// How blocks are made from here on: of so many instructions at most, and translated when they first run. For
  /// narrowing down what one instruction does; a machine's course never depends on it.
  package func makeBlocks(ofAtMost length: Int, translatedAtOnce: Bool) {
    interpreter.blockLengthLimit = min(max(length, 1), BlockCache.lengthLimit)
    interpreter.translatesAtOnce = translatedAtOnce
    interpreter.removeAllBlocks()
  }

  /// The longest blocks there are.
  package static var blockLengthLimit: Int { BlockCache.lengthLimit }

  // MARK: Parts

  private static let boardFields = [
    (name: "position", size: 8), ("idle time", 8), ("current hart", 1), ("quantum left", 2), ("is off", 1),
    ("power-off status", 4),
  ]

  private static let hartFields =
    Hart.savedNames.map { (name: $0, size: 8) }
    + (0..<PhysicalMemoryProtection.entryCount).map { (name: "pmp\($0)cfg", size: 1) }
    + (0..<PhysicalMemoryProtection.entryCount).map { (name: "pmpaddr\($0)", size: 8) }

  /// Field by field where there are fields; else the eight bytes from the first one that differs.
  private static func differences(
    _ name: String, _ left: [UInt8], _ right: [UInt8], _ fields: [(name: String, size: Int)]
  ) -> [StateDifference] {
    var found: [StateDifference] = []
    var offset = 0
    for field in fields {
      let mine = UInt64(littleEndianBytes: left.dropFirst(offset).prefix(field.size))
      let theirs = UInt64(littleEndianBytes: right.dropFirst(offset).prefix(field.size))
      if mine != theirs {
        found.append(
          StateDifference(name: "\(name) \(field.name)", left: hexadecimal(mine), right: hexadecimal(theirs)))
      }
      offset += field.size
    }
    guard found.isEmpty else { return found }
    let common = zip(left, right).prefix { $0 == $1 }.count
    return [
      StateDifference(
        name: "\(name) byte \(common) of \(left.count)",
        left: hexadecimal(UInt64(littleEndianBytes: left.dropFirst(common).prefix(8))),
        right: hexadecimal(UInt64(littleEndianBytes: right.dropFirst(common).prefix(8))))
    ]
  }

  private func memoryDifferences(from other: Machine, limit: Int) -> [StateDifference] {
    var found: [StateDifference] = []
    for page in 0..<memory.pageCount {
      let start = page * GuestMemory.pageSize
      guard memcmp(memory.bytes + start, other.memory.bytes + start, GuestMemory.pageSize) != 0 else {
        continue
      }
      for offset in stride(from: start, to: start + GuestMemory.pageSize, by: 8) {
        let mine = memory.bytes.load(fromByteOffset: offset, as: UInt64.self)
        let theirs = other.memory.bytes.load(fromByteOffset: offset, as: UInt64.self)
        guard mine != theirs else { continue }
        guard found.count < limit else { return found }
        found.append(
          StateDifference(
            name: "memory \(Self.hexadecimal(memory.base + UInt64(offset)))", left: Self.hexadecimal(mine),
            right: Self.hexadecimal(theirs)))
      }
    }
    return found
  }

  private static func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
}
