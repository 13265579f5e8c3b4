// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// What `query-qmp-schema` tells (QEMU's qapi/introspect.json): commands with their arguments and answers, events, and the
/// types of these. Arguments come from the table of commands itself.
struct QMPSchema {
  private var entries: [JSONValue] = []
  private var names: [QMPType: String] = [:]

  static let json: JSONValue = {
    var schema = QMPSchema()
    let negotiation = ("qmp_capabilities", [Parameter.optional("enable", .strings)])
    let commands = QMPCommand.all.values.map { ($0.name, $0.parameters) } + [negotiation]
    for (name, parameters) in commands.sorted(by: { $0.0 < $1.0 }) {
      let members = parameters.map {
        QMPType.Member(name: $0.name, type: QMPType($0.kind), isOptional: $0.isOptional)
      }
      schema.add(
        name, "command",
        [
          .init("arg-type", .string(schema.name(of: .object(members)))),
          .init("ret-type", .string(schema.name(of: results[name] ?? .nothing))),
        ])
    }
    for (name, data) in events.sorted(by: { $0.key < $1.key }) {
      schema.add(name, "event", [.init("arg-type", .string(schema.name(of: data)))])
    }
    return .array(schema.entries)
  }()

  private mutating func add(_ name: String, _ kind: String, _ members: [JSONValue.Member]) {
    entries.append(.object([.init("name", .string(name)), .init("meta-type", .string(kind))] + members))
  }

  /// The name of a type, which is told before it is used for the first time. What is not built in has a number.
  private mutating func name(of type: QMPType) -> String {
    if let name = names[type] { return name }
    let name: String
    switch type {
    case .string: name = builtIn("str", "string")
    case .integer: name = builtIn("int", "int")
    case .number: name = builtIn("number", "number")
    case .boolean: name = builtIn("bool", "boolean")
    case .any: name = builtIn("any", "value")
    case .array(let element):
      let inner = self.name(of: element)
      name = "[\(inner)]"
      add(name, "array", [.init("element-type", .string(inner))])
    case .choice(let values):
      name = "\(names.count)"
      add(
        name, "enum",
        [
          .init("members", .array(values.map { ["name": .string($0)] })),
          .init("values", .array(values.map(JSONValue.string))),
        ])
    case .object(let members):
      let described = members.map { member -> JSONValue in
        var entry: [JSONValue.Member] = [
          .init("name", .string(member.name)), .init("type", .string(self.name(of: member.type))),
        ]
        // Null stands for no default in particular.
        if member.isOptional { entry.append(.init("default", .null)) }
        return .object(entry)
      }
      name = "\(names.count)"
      add(name, "object", [.init("members", .array(described))])
    }
    names[type] = name
    return name
  }

  private mutating func builtIn(_ name: String, _ json: String) -> String {
    add(name, "builtin", [.init("json-type", .string(json))])
    return name
  }
}
