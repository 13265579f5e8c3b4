// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// The version of a log's format. A reader takes every minor version of the major versions it knows.
public struct ReplayLogVersion: Sendable, Hashable, CustomStringConvertible {
  public var major: Int
  public var minor: Int

  public init(major: Int, minor: Int) {
    self.major = major
    self.minor = minor
  }

  public var description: String { "\(major).\(minor)" }
}

/// What the first member of a log says about the whole: text, a line for the format and one for each property.
public struct ReplayLogHeader: Sendable, Equatable {
  /// A property that the format itself gives no meaning to.
  public struct Property: Sendable, Equatable {
    /// Lower-case ASCII letters, digits and hyphens.
    public var key: String
    /// Text without control characters.
    public var value: String

    public init(key: String, value: String) {
      self.key = key
      self.value = value
    }
  }

  /// The version that a log begins as.
  public static let wholeVersion = ReplayLogVersion(major: 1, minor: 0)
  /// The version of a log whose first events were dropped; the newest that is read.
  public static let droppedVersion = ReplayLogVersion(major: 2, minor: 0)
  static let magic = "RRTOOLLOG"
  static let shiftLimit = 63
  static let driveCountLimit = 256
  /// Network cards that a machine may have, as far as a log is concerned.
  static let interfaceCountLimit = 256
  static let digestComponentCountLimit = 1024

  public var version = wholeVersion
  /// Guest nanoseconds an instruction: 2 to this power, at most 63.
  public var shift: Int
  /// Drives that block events may name.
  public var driveCount: Int
  /// Names of what a digest event digests, in its order: ASCII letters, digits and any of `-_.:`.
  public var digestComponents: [String]
  /// Where the recorded run starts.
  public var start: LogMoment
  /// Everything else, in the order of the file; no key twice.
  public var properties: [Property]

  public init(
    shift: Int, driveCount: Int, digestComponents: [String], start: LogMoment = .start,
    properties: [Property] = []
  ) {
    self.shift = shift
    self.driveCount = driveCount
    self.digestComponents = digestComponents
    self.start = start
    self.properties = properties
  }

  /// The text. What it could not carry is a programmer error.
  func encoded() -> [UInt8] {
    precondition((0...Self.shiftLimit).contains(shift) && (0...Self.driveCountLimit).contains(driveCount))
    precondition(digestComponents.count <= Self.digestComponentCountLimit)
    precondition(
      digestComponents.allSatisfy(Self.isComponentName), "a component's name that cannot be written")
    precondition(start.idleTime(shift: shift) != nil, "a start whose clock is behind its position")
    precondition(version == Self.wholeVersion || version == Self.droppedVersion)
    var lines = [
      "\(Self.magic) \(version)",
      "shift=\(shift)",
      "drives=\(driveCount)",
      "digests=\(digestComponents.joined(separator: ","))",
      "start-position=\(start.position)",
      "start-time=\(start.time)",
    ]
    var keys: Set<String> = ["shift", "drives", "digests", "start-position", "start-time"]
    for property in properties {
      precondition(
        Self.isKey(property.key) && Self.isValue(property.value) && keys.insert(property.key).inserted,
        "a property that cannot be written: \(property.key)")
      lines.append("\(property.key)=\(property.value)")
    }
    let bytes = Array(lines.map { $0 + "\n" }.joined().utf8)
    precondition(bytes.count <= LogMember.contentLimit, "the log's header is too large")
    return bytes
  }

  /// Reads what `encoded` gives, from any file of a supported major version.
  init(decoding bytes: [UInt8], file: String) throws(ReplayLogError) {
    func damaged(_ what: String) -> ReplayLogError {
      ReplayLogError(file: file, offset: 0, problem: .damaged("the header has \(what)"))
    }
    guard let text = String(validating: bytes, as: UTF8.self), text.hasPrefix(Self.magic + " ") else {
      throw ReplayLogError(file: file, offset: 0, problem: .notALog)
    }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let numbers = lines.removeFirst().dropFirst(Self.magic.count + 1)
      .split(separator: ".", omittingEmptySubsequences: false).map(Self.number)
    guard numbers.count == 2, let major = numbers[0], let minor = numbers[1] else {
      throw damaged("no version")
    }
    version = ReplayLogVersion(major: Int(clamping: major), minor: Int(clamping: minor))
    // The first line is all that every version to come promises: look at nothing else before it is known.
    guard version.major <= Self.droppedVersion.major else {
      throw ReplayLogError(file: file, offset: 0, problem: .newerVersion(version))
    }
    guard version.major >= Self.wholeVersion.major else { throw damaged("version \(version)") }
    guard lines.popLast()?.isEmpty == true else { throw damaged("a last line without an end") }

    var values: [Substring: Substring] = [:]
    var rest: [Property] = []
    let known: Set<Substring> = ["shift", "drives", "digests", "start-position", "start-time"]
    for line in lines {
      guard let separator = line.firstIndex(of: "=") else { throw damaged("a line without '='") }
      let key = line[..<separator]
      let value = line[line.index(after: separator)...]
      guard Self.isKey(key), Self.isValue(value) else { throw damaged("a property that is not printable") }
      guard values.updateValue(value, forKey: key) == nil else { throw damaged("'\(key)' twice") }
      if !known.contains(key) { rest.append(Property(key: String(key), value: String(value))) }
    }
    func number(_ key: Substring, limit: UInt64) throws(ReplayLogError) -> UInt64 {
      guard let value = values[key] else { throw damaged("no '\(key)'") }
      guard let number = Self.number(value), number <= limit else {
        throw damaged("'\(key)=\(value)', which is not a number up to \(limit)")
      }
      return number
    }
    shift = Int(try number("shift", limit: UInt64(Self.shiftLimit)))
    driveCount = Int(try number("drives", limit: UInt64(Self.driveCountLimit)))
    guard let names = values["digests"] else { throw damaged("no 'digests'") }
    digestComponents =
      names.isEmpty ? [] : names.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard digestComponents.count <= Self.digestComponentCountLimit,
      digestComponents.allSatisfy(Self.isComponentName)
    else { throw damaged("names of digests that it must not have") }
    start = LogMoment(
      position: try number("start-position", limit: .max), time: try number("start-time", limit: .max))
    properties = rest
    guard start.idleTime(shift: shift) != nil else {
      throw damaged("a start whose clock is behind its position")
    }
  }

  public subscript(key: String) -> String? { properties.first { $0.key == key }?.value }

  /// Decimal digits only: `UInt64.init` would take a sign too.
  private static func number(_ text: Substring) -> UInt64? {
    text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt64(text) : nil
  }

  private static func isKey(_ key: some StringProtocol) -> Bool {
    !key.isEmpty
      && key.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d }
  }

  private static func isValue(_ value: some StringProtocol) -> Bool {
    value.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
  }

  private static func isComponentName(_ name: String) -> Bool {
    let punctuation = Array("-_.:".utf8)
    return !name.isEmpty
      && name.utf8.allSatisfy {
        (0x61...0x7a).contains($0) || (0x41...0x5a).contains($0) || (0x30...0x39).contains($0)
          || punctuation.contains($0)
      }
  }
}
