// SPDX-License-Identifier: Apache-2.0

import HostSystem

/// A place in a recording as a user writes it.
public enum PositionExpression: Equatable, Sendable {
  /// An instruction count: `1_234_567`, `1,234,567`, `5M`.
  case absolute(UInt64)
  /// `+N`: so many instructions after where we are.
  case forward(UInt64)
  /// `-N`: so many instructions before where we are; before the end, when we are nowhere yet.
  case backward(UInt64)
  /// `N%` of the whole run, in millionths of the whole.
  case fraction(millionths: UInt64)
  /// `event:N`: where event N of the log is.
  case event(UInt64)
  case start
  case end
  /// A snapshot's name.
  case snapshot(String)

  /// Nil when the text means no place.
  public init?(_ text: String) {
    switch text {
    case "start": self = .start
    case "end": self = .end
    default:
      if text.hasPrefix("+"), let count = Self.count(text.dropFirst()) {
        self = .forward(count)
      } else if text.hasPrefix("-"), let count = Self.count(text.dropFirst()) {
        self = .backward(count)
      } else if text.hasSuffix("%"), let millionths = Self.percent(text.dropLast()) {
        self = .fraction(millionths: millionths)
      } else if text.hasPrefix("event:"), let number = Self.number(text.dropFirst(6)) {
        self = .event(number)
      } else if let count = Self.count(text[...]) {
        self = .absolute(count)
      } else if RecordingManifest.isSnapshotName(text) {
        self = .snapshot(text)
      } else {
        return nil
      }
    }
  }

  /// What a place is worked out from.
  public struct Context {
    /// Where we are; nil: at the start for `+N`, at the end for `-N`.
    public var current: UInt64?
    /// The first position of the recording.
    public var start: UInt64
    /// The last position of the recording.
    public var end: UInt64
    /// Position of an event; nil when there is no such event.
    public var event: (UInt64) throws(Failure) -> UInt64?
    /// Position of a snapshot; nil when there is none of that name.
    public var snapshot: (String) throws(Failure) -> UInt64?

    public init(
      current: UInt64?, start: UInt64 = 0, end: UInt64, event: @escaping (UInt64) throws(Failure) -> UInt64?,
      snapshot: @escaping (String) throws(Failure) -> UInt64?
    ) {
      self.current = current
      self.start = start
      self.end = end
      self.event = event
      self.snapshot = snapshot
    }
  }

  /// The instruction count it means. A place outside of the recording is a failure.
  public func resolve(in context: Context) throws(Failure) -> UInt64 {
    let position: UInt64
    switch self {
    case .absolute(let count): position = count
    case .forward(let count):
      let (sum, overflow) = (context.current ?? context.start).addingReportingOverflow(count)
      position = overflow ? .max : sum
    case .backward(let count):
      let base = context.current ?? context.end
      guard count <= base, base - count >= context.start else {
        throw Failure(
          .usage, description, "lies before the start of the recording",
          remedy: "go back by at most \((base - context.start).grouped) instructions")
      }
      position = base - count
    case .fraction(let millionths):
      // Full width: the product may take more than 64 bits.
      let product = (context.end - context.start).multipliedFullWidth(by: millionths)
      position = context.start + UInt64(1_000_000).dividingFullWidth(product).quotient
    case .event(let number):
      guard let found = try context.event(number) else {
        throw Failure(
          .usage, description, "the recording has no such event", remedy: "see 'rrtool inspect events'")
      }
      position = found
    case .start: position = context.start
    case .end: position = context.end
    case .snapshot(let name):
      guard let found = try context.snapshot(name) else {
        throw Failure(
          .usage, name, "is neither a position nor the name of a snapshot of this recording",
          remedy: "see 'rrtool snapshot list'; positions are N, +N, -N, N%, event:N, start, end")
      }
      position = found
    }
    guard position >= context.start else {
      throw Failure(
        .usage, description, "lies before the recording, which starts at \(context.start.grouped)",
        remedy: "give a position from there on")
    }
    guard position <= context.end else {
      throw Failure(
        .usage, description, "lies beyond the recording, which ends at \(context.end.grouped)",
        remedy: "give a position up to there")
    }
    return position
  }

  /// A number of instructions: `1_234_567`, `1,234,567`, or with a unit `500K`, `5M`, `2G`, by tens. `5m` could be minutes, and is
  /// nothing. No snapshot's name begins with a digit.
  public static func count(_ text: Substring) -> UInt64? {
    let units: [Character: UInt64] = ["K": 1_000, "M": 1_000_000, "G": 1_000_000_000]
    guard let last = text.last, let unit = units[last] else { return number(text) }
    guard let count = number(text.dropLast()) else { return nil }
    let (product, overflow) = count.multipliedReportingOverflow(by: unit)
    return overflow ? nil : product
  }

  /// Digits, which `_` or `,` may part.
  private static func number(_ text: Substring) -> UInt64? {
    guard let first = text.utf8.first, let last = text.utf8.last, isDigit(first), isDigit(last) else {
      return nil
    }
    var digits = ""
    var wasSeparator = false
    for character in text {
      if character == "_" || character == "," {
        if wasSeparator { return nil }
        wasSeparator = true
      } else {
        digits.append(character)
        wasSeparator = false
      }
    }
    return digits.utf8.allSatisfy(isDigit) ? UInt64(digits) : nil
  }

  /// "12" or "12.5", up to 100, in millionths of the whole.
  private static func percent(_ text: Substring) -> UInt64? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let whole = number(parts[0]), whole <= 100 else { return nil }
    var millionths = whole * 10_000
    if parts.count == 2 {
      guard (1...4).contains(parts[1].count), parts[1].utf8.allSatisfy(isDigit),
        let fraction = UInt64(parts[1])
      else {
        return nil
      }
      millionths += fraction * [0, 1000, 100, 10, 1][parts[1].count]
    }
    return millionths <= 1_000_000 ? millionths : nil
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}

extension PositionExpression: CustomStringConvertible {
  public var description: String {
    switch self {
    case .absolute(let count): count.grouped
    case .forward(let count): "+\(count.grouped)"
    case .backward(let count): "-\(count.grouped)"
    case .fraction(let millionths):
      millionths % 10_000 == 0 ? "\(millionths / 10_000)%" : "\(Double(millionths) / 10_000)%"
    case .event(let number): "event:\(number)"
    case .start: "start"
    case .end: "end"
    case .snapshot(let name): name
    }
  }
}
