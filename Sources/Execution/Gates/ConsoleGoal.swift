// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// What the guest is to say so that its run stops; once.
final class ConsoleGoal {
  private var matcher: PatternMatcher?
  /// There is one, and it has not been met. Each byte of output asks, which looking at the matcher would make dear.
  private var isOpen = false

  /// Looks for `pattern` from here on; nil: for nothing.
  func set(_ pattern: BytePattern?) {
    matcher = pattern.map { PatternMatcher($0) }
    isOpen = matcher != nil
  }

  /// Whether it is met with this byte of output.
  func take(_ byte: UInt8) -> Bool {
    guard isOpen, matcher?.take(byte) == true else { return false }
    isOpen = false
    return true
  }
}
