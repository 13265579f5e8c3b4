/// A command of the human monitor.
struct HumanCommand: Sendable {
  /// What a word of the command line is.
  struct Parameter: Sendable {
    enum Kind: Sendable, Equatable {
      /// An option such as `-d`, given or not.
      case flag(String)
      case word
      /// A file of the host on which rrtool runs.
      case file
      case snapshot
      /// A position, in all its forms.
      case position
      /// The rest of the line, as an `Expression`.
      case expression
      /// `/` and how to show numbers.
      case format
      case command
      case subject
      case parameter
    }

    var name: String
    var kind: Kind
    var isOptional: Bool

    static func flag(_ name: String) -> Parameter {
      Parameter(name: name, kind: .flag(name), isOptional: true)
    }
    static func required(_ name: String, _ kind: Kind) -> Parameter {
      Parameter(name: name, kind: kind, isOptional: false)
    }
    static func optional(_ name: String, _ kind: Kind) -> Parameter {
      Parameter(name: name, kind: kind, isOptional: true)
    }
  }

  /// The first is the command's own, the others are short for it.
  var names: [String]
  var parameters: [Parameter]
  var summary: String
  /// Carries it out; what it answers is shown.
  var body: @Sendable (HumanArguments, HumanMonitor) throws(MonitorError) -> String

  init(
    _ names: String, _ parameters: [Parameter] = [], _ summary: String,
    _ body: @escaping @Sendable (HumanArguments, HumanMonitor) throws(MonitorError) -> String
  ) {
    self.names = names.split(separator: "|").map(String.init)
    self.parameters = parameters
    self.summary = summary
    self.body = body
  }

  var name: String { names[0] }

  /// "dump-guest-memory [-p] FILE": how it is typed.
  var usage: String {
    ([names.joined(separator: "|")]
      + parameters.map { parameter in
        if case .flag(let flag) = parameter.kind { return "[\(flag)]" }
        return parameter.isOptional ? "[\(parameter.name)]" : parameter.name
      }).joined(separator: " ")
  }

  static let all: [HumanCommand] = (general + run + machine + replay + snapshots + dump + migration).sorted {
    $0.name < $1.name
  }

  static func find(_ name: String) -> HumanCommand? { all.first { $0.names.contains(name) } }
}

/// The words of a command line, sorted by the command's parameters.
struct HumanArguments {
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

/// Takes words from a line. White space parts them; double quotes keep it in, with `\` before a quote or a `\`.
struct WordReader {
  private var line: Substring

  init(_ line: Substring) {
    self.line = line
    skipSpace()
  }

  private mutating func skipSpace() { line = line.drop { $0 == " " || $0 == "\t" } }

  /// The first character of the next word.
  var peek: Character? { line.first }
  var rest: String { String(line).trimmingTrailingSpace }

  mutating func takeAll() { line = "" }

  mutating func next() throws(MonitorError) -> String? {
    guard let first = line.first else { return nil }
    defer { skipSpace() }
    guard first == "\"" else {
      let word = line.prefix { $0 != " " && $0 != "\t" }
      line = line[word.endIndex...]
      return String(word)
    }
    var word = ""
    line.removeFirst()
    while let character = line.popFirst() {
      if character == "\"" { return word }
      if character == "\\" {
        guard let escaped = line.popFirst() else { break }
        word.append(escaped)
      } else {
        word.append(character)
      }
    }
    throw MonitorError("a '\"' is missing at the end of the line")
  }
}

extension String {
  var trimmingTrailingSpace: String {
    var text = self[...]
    while text.last == " " || text.last == "\t" { text = text.dropLast() }
    return String(text)
  }
}
