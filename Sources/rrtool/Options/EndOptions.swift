// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteCoding
import HostSystem

/// How long a run may take.
struct TimeoutOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "End the run after so much time of the host's: 30 (seconds), 500ms, 30s, 5m, 2h; the exit status is then 124.",
      valueName: "time"))
  var timeout: String?

  /// In nanoseconds.
  func parsed() throws(Failure) -> UInt64? {
    guard let timeout else { return nil }
    guard let nanoseconds = Self.nanoseconds(timeout) else {
      throw Failure(
        .usage, "--timeout \(timeout)", "is not a time", remedy: "give one such as 30, 500ms, 30s, 5m or 2h")
    }
    guard nanoseconds > 0 else {
      throw Failure(
        .usage, "--timeout \(timeout)", "ends the run before it begins",
        remedy: "give a longer time, or leave it out")
    }
    return nanoseconds
  }

  /// A number with at most nine decimal places, and a unit; seconds without.
  private static func nanoseconds(_ text: String) -> UInt64? {
    let units: [(name: String, nanoseconds: UInt64)] = [
      ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000),
      ("d", 86_400_000_000_000), ("", 1_000_000_000),
    ]
    guard let unit = units.first(where: { text.hasSuffix($0.name) }) else { return nil }
    let parts = text.dropLast(unit.name.count).split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), !parts[0].isEmpty,
      parts.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }), let whole = UInt64(parts[0])
    else { return nil }
    let (product, isTooLong) = whole.multipliedReportingOverflow(by: unit.nanoseconds)
    guard !isTooLong else { return .max }
    guard parts.count == 2 else { return product }
    guard (1...9).contains(parts[1].count), let decimals = Double("0." + parts[1]) else { return nil }
    return product.addingReportingOverflow(UInt64(decimals * Double(unit.nanoseconds))).partialValue
  }
}

/// What ends a run before the guest does.
struct EndOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "End the run when the console has said what this regular expression matches, at the instruction that wrote its last byte; the "
        + "exit status is then 0, and 6 where a run that ends well never said it.", valueName: "regex"))
  var stopOn: String?

  @OptionGroup var timeout: TimeoutOption

  func pattern() throws(Failure) -> BytePattern? {
    guard let stopOn else { return nil }
    do throws(PatternProblem) {
      return try BytePattern(stopOn)
    } catch {
      throw Failure(
        .usage, "--stop-on '\(stopOn)'", "is no regular expression that can be waited for: \(error.text)",
        remedy: "put a backslash before each character that is meant as it is")
    }
  }
}
