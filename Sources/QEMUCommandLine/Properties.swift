// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// `key=value,key=value` as QEMU reads it: two commas are one, a word alone is `on`, with `no` in front `off`, and the first word may
/// stand for a key of its own. Or an object of JSON, whose parts have the names of all that they are in.
struct Properties {
  private(set) var fields: [(key: String, value: String)] = []

  init(_ text: String, implied: String? = nil) throws(WordProblem) {
    if text.first == "{" {
      guard let value = try? JSONParser.parse(text), case .object = value else {
        throw WordProblem("is no object of JSON")
      }
      flatten(value, name: "")
      return
    }
    for (number, field) in CommaList.fields(of: text).enumerated() {
      if let equals = field.firstIndex(of: "=") {
        fields.append((String(field[..<equals]), String(field[field.index(after: equals)...])))
      } else if number == 0, let implied {
        fields.append((implied, field))
      } else if field.hasPrefix("no"), field.count > 2 {
        fields.append((String(field.dropFirst(2)), "off"))
      } else if !field.isEmpty {
        fields.append((field, "on"))
      }
    }
  }

  private mutating func flatten(_ value: JSONValue, name: String) {
    func inner(_ part: String) -> String { name.isEmpty ? part : name + "." + part }
    switch value {
    case .object(let members): for member in members { flatten(member.value, name: inner(member.name)) }
    case .array(let elements):
      for (index, element) in elements.enumerated() { flatten(element, name: inner(String(index))) }
    case .string(let text): fields.append((name, text))
    case .bool(let isOn): fields.append((name, isOn ? "on" : "off"))
    case .integer(let number): fields.append((name, String(number)))
    default: fields.append((name, ""))
    }
  }

  /// The value of a key, which is then gone; of several the last one.
  mutating func take(_ keys: String...) -> String? {
    let found = fields.last { keys.contains($0.key) }?.value
    if found != nil { fields.removeAll { keys.contains($0.key) } }
    return found
  }

  /// The same of a key that is on or off.
  mutating func takeFlag(_ keys: String...) throws(WordProblem) -> Bool? {
    guard let key = keys.first(where: { key in fields.contains { $0.key == key } }),
      let text = take(key)
    else { return nil }
    for other in keys { _ = take(other) }
    guard let value = Self.flag(text) else { throw WordProblem("\(key) is on or off, not '\(text)'") }
    return value
  }

  static func flag(_ text: String) -> Bool? {
    switch text {
    case "on", "yes", "true", "y": true
    case "off", "no", "false", "n": false
    default: nil
    }
  }

  /// A value as a part of such a list.
  static func escape(_ value: String) -> String {
    value.split(separator: ",", omittingEmptySubsequences: false).joined(separator: ",,")
  }
}

/// What is wrong with a word.
public struct WordProblem: Error, Equatable {
  public let text: String
  init(_ text: String) { self.text = text }
}
