// SPDX-License-Identifier: Apache-2.0

import HostSystem
import Networking

/// The faults of a wire: `loss=1%,delay=5ms,jitter=1ms,reorder=10%,seed=N`.
extension WireFaults {
  static let keys: Set<String> = ["loss", "delay", "jitter", "reorder", "seed"]

  /// Longest delay: what a guest's connections would outlast.
  private static let delayLimit: UInt64 = 60_000_000_000

  mutating func take(_ key: String, _ value: String, option: String) throws(Failure) {
    switch key {
    case "loss": loss = try Self.share(key, value, option)
    case "reorder": reorder = try Self.share(key, value, option)
    case "delay": delay = try Self.duration(key, value, option)
    case "jitter": jitter = try Self.duration(key, value, option)
    default:
      guard let number = UInt64(value) else {
        throw Failure(.usage, option, "seed is a number, not '\(value)'", remedy: "write seed=1")
      }
      seed = number
    }
  }

  func check(_ option: String) throws(Failure) {
    guard reorder == 0 || delay > 0 else {
      throw Failure(
        .usage, option, "reorder lets frames pass those that are delayed, and none is",
        remedy: "add delay=5ms")
    }
  }

  private static func share(_ key: String, _ value: String, _ option: String) throws(Failure) -> Double {
    let digits = value.hasSuffix("%") ? value.dropLast() : value[...]
    guard let percent = Double(digits), (0...100).contains(percent) else {
      throw Failure(.usage, option, "\(key) is no share: '\(value)'", remedy: "write \(key)=1%, 0 to 100")
    }
    return percent / 100
  }

  private static func duration(_ key: String, _ value: String, _ option: String) throws(Failure) -> UInt64 {
    let units: [(name: String, nanoseconds: Double)] = [("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9)]
    for unit in units where value.hasSuffix(unit.name) {
      guard let number = Double(value.dropLast(unit.name.count)), number >= 0,
        number * unit.nanoseconds <= Double(delayLimit)
      else { continue }
      return UInt64(number * unit.nanoseconds)
    }
    throw Failure(
      .usage, option, "\(key) is no time: '\(value)'", remedy: "write \(key)=5ms, at most 60s of the guest's")
  }
}
