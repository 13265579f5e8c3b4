// SPDX-License-Identifier: Apache-2.0

import HostSystem
import TimeTravel

/// Bytes of memory as users write them: `0x80201000,8`, `jiffies`, `branches[0].balances[4]`, `init_task+0x10,8`.
struct MemoryWords {
  /// Where the first byte is.
  private enum Start {
    case address(UInt64)
    case name(String)
  }

  /// Bytes that a user means.
  struct Bytes {
    var address: UInt64
    /// As it was asked for; nil when it was not.
    var givenCount: UInt64?
    /// Those that what was named has; nil for an address, for a place behind a name, and where nobody knows.
    var namedCount: UInt64?
    /// Names are of virtual addresses.
    var isNamed: Bool

    /// One where nothing says more.
    var byteCount: UInt64 { givenCount ?? namedCount ?? 1 }
  }

  private let start: Start
  private let offset: UInt64
  private let count: UInt64?

  /// - Parameter text: `ADDRESS` or `ADDRESS,LENGTH`, with a number or a name.
  init(range text: String) throws(Failure) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let (start, offset) = Self.start(parts[0]),
      let count = parts.count == 2 ? Self.number(parts[1]) : 0
    else {
      throw Failure(
        .usage, text.printable, "is no address",
        remedy: "give ADDRESS or ADDRESS,LENGTH: 0x80201000,8, or the name of a variable")
    }
    self.start = start
    self.offset = offset
    self.count = parts.count == 2 ? count : nil
  }

  /// - Parameter text: a number or a name.
  init(address text: String) throws(Failure) {
    guard let (start, offset) = Self.start(text[...]) else {
      throw Failure(
        .usage, text.printable, "is no address",
        remedy: "give one such as 0x80201000, or the name of a function")
    }
    self.start = start
    self.offset = offset
    count = nil
  }

  /// A number, or a name, with a distance behind it if any.
  private static func start(_ text: Substring) -> (Start, offset: UInt64)? {
    let parts = text.split(separator: "+", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let offset = parts.count == 2 ? number(parts[1]) : 0 else {
      return nil
    }
    if let address = number(parts[0]) { return (.address(address), offset) }
    guard let first = parts[0].first, first.isLetter || "_.$".contains(first) else { return nil }
    return (.name(String(parts[0])), offset)
  }

  /// Which bytes these are.
  func bytes(_ names: CodeNames) throws(Failure) -> Bytes {
    switch start {
    case .address(let address):
      return Bytes(address: address &+ offset, givenCount: count, namedCount: nil, isNamed: false)
    case .name(let name):
      let found = try names.find(name)
      return Bytes(
        address: found.address &+ offset, givenCount: count,
        namedCount: offset == 0 ? found.byteCount : nil, isNamed: true)
    }
  }

  /// No byte of the guest is at an address that was asked for.
  static func nothing(at address: UInt64, _ timeline: Timeline) -> Failure {
    Failure(
      .usage, "0x\(String(address, radix: 16))", "nothing is there at position \(timeline.position.grouped)",
      remedy:
        "give an address of the guest at that place; 'info mtree' of the monitor lists the physical ones")
  }

  private static func number(_ text: Substring) -> UInt64? {
    text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
  }
}
