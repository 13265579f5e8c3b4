// SPDX-License-Identifier: Apache-2.0

/// A command of the human monitor.
package struct HumanCommand: Sendable {
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

  static let all: [HumanCommand] =
    (general + run + machine + replay + snapshots + dump + migration + descriptors).sorted {
      $0.name < $1.name
    }

  static func find(_ name: String) -> HumanCommand? { all.first { $0.names.contains(name) } }
}
