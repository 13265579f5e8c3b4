// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Shows how far a long work is: on standard error, only when that is a terminal, and only after a second.
///
/// Where the guest's console is on the same terminal, progress would be written into it: it is not shown then.
final class Progress {
  /// What the places are counted in.
  enum Unit {
    case instructions
    case bytes

    /// So many a second, for people.
    func describe(rate: Double) -> String {
      switch self {
      case .instructions: "\(Int(rate / 1e6)) M instructions/s"
      case .bytes: "\(Size.describe(UInt64(rate)))/s"
      }
    }
  }

  private let label: String
  private let unit: Unit
  private let first: UInt64
  private let last: UInt64
  private let isShown: Bool
  private let began = HostTime.now()
  private var lastShown = HostTime.now()
  private var hasLine = false

  init(
    _ label: String, unit: Unit = .instructions, from first: UInt64, to last: UInt64,
    consoleIsTerminal: Bool = false
  ) {
    self.label = label
    self.unit = unit
    self.first = first
    self.last = last
    isShown = Terminal.isTerminal(2) && !consoleIsTerminal
  }

  func show(_ position: UInt64) {
    guard isShown, last > first else { return }
    let now = HostTime.now()
    guard now - began > 1, now - lastShown > 0.2 else { return }
    lastShown = now
    let done = Double(position - min(position, first))
    let share = min(1, done / Double(last - first))
    let rate = done / (now - began)
    let left = rate > 0 ? Int(Double(last - min(last, position)) / rate) : 0
    let tenths = Int(share * 1000)
    writeError(
      "\r\u{1b}[K\(label): \(tenths / 10).\(tenths % 10) %, \(unit.describe(rate: rate)), \(left) s left"
    )
    hasLine = true
  }

  /// Takes the line away.
  func finish() {
    if hasLine { writeError("\r\u{1b}[K") }
    hasLine = false
  }

  deinit { finish() }
}

/// The host's clock for what people see.
enum HostTime {
  /// Seconds since some fixed point.
  static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
