// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// What a command of QMP takes under a name.
struct Parameter: Sendable {
  enum Kind: Sendable, Equatable {
    case string
    case bool
    /// A whole number in this range.
    case integer(ClosedRange<UInt64>)
    case choice([String])
    case strings
    /// Anything at all: what it is the command finds out.
    case any
  }

  var name: String
  var kind: Kind
  var isOptional: Bool

  static func required(_ name: String, _ kind: Kind) -> Parameter {
    Parameter(name: name, kind: kind, isOptional: false)
  }

  static func optional(_ name: String, _ kind: Kind) -> Parameter {
    Parameter(name: name, kind: kind, isOptional: true)
  }

  /// The words of QEMU for a value of another kind.
  private var expectation: String {
    switch kind {
    case .string, .choice: "string"
    case .bool: "boolean"
    case .integer: "integer"
    case .strings: "array"
    case .any: "value"
    }
  }

  func check(_ value: JSONValue) throws(MonitorError) {
    let isFine: Bool
    switch (kind, value) {
    case (.string, .string), (.bool, .bool), (.any, _): isFine = true
    case (.choice(let choices), .string(let text)):
      guard choices.contains(text) else {
        throw MonitorError("Parameter '\(name)' does not accept value '\(text)'")
      }
      isFine = true
    case (.integer(let range), .integer), (.integer(let range), .unsigned):
      guard let number = value.unsigned, range.contains(number) else {
        throw MonitorError(
          "Parameter '\(name)' expects a number from \(range.lowerBound) to \(range.upperBound)")
      }
      isFine = true
    case (.strings, .array(let values)): isFine = values.allSatisfy { $0.string != nil }
    default: isFine = false
    }
    guard isFine else {
      throw MonitorError("Invalid parameter type for '\(name)', expected: \(expectation)")
    }
  }
}

extension ClosedRange<UInt64> {
  /// Every whole number that is not negative.
  static var all: ClosedRange<UInt64> { 0...UInt64.max }
}

/// The arguments of a command, checked against its parameters: those that are required are there, and all are of their
/// kind.
struct Arguments {
  private let values: [String: JSONValue]

  init(_ value: JSONValue?, for parameters: [Parameter]) throws(MonitorError) {
    var values: [String: JSONValue] = [:]
    if let value {
      guard case .object(let members) = value else {
        throw MonitorError("QMP input member 'arguments' must be an object")
      }
      for member in members {
        guard let parameter = parameters.first(where: { $0.name == member.name }) else {
          throw MonitorError("Parameter '\(member.name)' is unexpected")
        }
        try parameter.check(member.value)
        values[member.name] = member.value
      }
    }
    for parameter in parameters where !parameter.isOptional && values[parameter.name] == nil {
      throw MonitorError("Parameter '\(parameter.name)' is missing")
    }
    self.values = values
  }

  func has(_ name: String) -> Bool { values[name] != nil }
  func value(_ name: String) -> JSONValue? { values[name] }
  func optionalString(_ name: String) -> String? { values[name]?.string }
  func optionalNumber(_ name: String) -> UInt64? { values[name]?.unsigned }
  func flag(_ name: String) -> Bool { values[name]?.bool ?? false }

  /// Of a required parameter only.
  func string(_ name: String) -> String {
    guard let text = values[name]?.string else {
      preconditionFailure("the table does not require the string '\(name)'")
    }
    return text
  }

  /// Of a required parameter only.
  func number(_ name: String) -> UInt64 {
    guard let number = values[name]?.unsigned else {
      preconditionFailure("the table does not require the number '\(name)'")
    }
    return number
  }

  func strings(_ name: String) -> [String] { values[name]?.array?.compactMap(\.string) ?? [] }
}
