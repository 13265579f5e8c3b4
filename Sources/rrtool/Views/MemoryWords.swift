// SPDX-License-Identifier: Apache-2.0

import HostSystem
import TimeTravel

/// Addresses and ranges as users write them.
enum MemoryWords {
  static func address(_ text: String) throws(Failure) -> UInt64 {
    guard let address = number(text[...]) else {
      throw Failure(.usage, text.printable, "is no address", remedy: "give one such as 0x80201000")
    }
    return address
  }

  /// `ADDRESS` or `ADDRESS,LENGTH`.
  static func range(_ text: String) throws(Failure) -> (address: UInt64, byteCount: UInt64) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let first = number(parts[0]),
      let count = parts.count == 2 ? number(parts[1]) : 1
    else {
      throw Failure(
        .usage, text.printable, "is no address", remedy: "give ADDRESS or ADDRESS,LENGTH: 0x80201000,8")
    }
    return (first, count)
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
