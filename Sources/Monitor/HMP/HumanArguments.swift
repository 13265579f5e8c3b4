// SPDX-License-Identifier: Apache-2.0

/// The words of a command line, sorted by the command's parameters.
package struct HumanArguments {
  private var flags: Set<String> = []
  private var words: [String: String] = [:]

  /// - Parameter line: what follows the command's name.
  init(_ line: Substring, for command: HumanCommand) throws(MonitorError) {
    var reader = WordReader(line)
    for parameter in command.parameters {
      switch parameter.kind {
      case .flag: break
      case .expression:
        let rest = reader.rest
        if !rest.isEmpty { words[parameter.name] = rest }
        reader.takeAll()
      case .format:
        if reader.peek == "/", let word = try reader.next() {
          words[parameter.name] = String(word.dropFirst())
        }
      default:
        try takeFlags(&reader, of: command)
        if let word = try reader.next() { words[parameter.name] = word }
      }
      guard parameter.isOptional || words[parameter.name] != nil else {
        throw MonitorError("\(command.name): \(parameter.name) is missing; usage: \(command.usage)")
      }
    }
    try takeFlags(&reader, of: command)
    if let word = try reader.next() {
      throw MonitorError("\(command.name): '\(word)' is unexpected; usage: \(command.usage)")
    }
  }

  private mutating func takeFlags(_ reader: inout WordReader, of command: HumanCommand) throws(MonitorError) {
    let known = command.parameters.compactMap { parameter -> String? in
      guard case .flag(let flag) = parameter.kind else { return nil }
      return flag
    }
    while !known.isEmpty, reader.peek == "-", let flag = try reader.next() {
      guard known.contains(flag) else {
        throw MonitorError("\(command.name): unknown option '\(flag)'; usage: \(command.usage)")
      }
      flags.insert(flag)
    }
  }

  func has(_ flag: String) -> Bool { flags.contains(flag) }
  func optional(_ name: String) -> String? { words[name] }

  /// Of a required parameter only.
  subscript(name: String) -> String {
    guard let word = words[name] else { preconditionFailure("the table does not require '\(name)'") }
    return word
  }
}
