// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// A command of QMP.
struct QMPCommand: Sendable {
  var name: String
  var parameters: [Parameter] = []
  /// Carries it out; what it answers is the command's result.
  var body: @Sendable (Arguments, MonitorTarget, ClientDescriptors) throws(MonitorError) -> JSONValue

  /// A command that has to do with the descriptors that its client passed.
  init(
    _ name: String, _ parameters: [Parameter] = [],
    forClient body:
      @escaping @Sendable (Arguments, MonitorTarget, ClientDescriptors) throws(MonitorError) -> JSONValue
  ) {
    self.name = name
    self.parameters = parameters
    self.body = body
  }

  init(
    _ name: String, _ parameters: [Parameter] = [],
    _ body: @escaping @Sendable (Arguments, MonitorTarget) throws(MonitorError) -> JSONValue
  ) {
    self.init(
      name, parameters,
      forClient: { (arguments, target, _) throws(MonitorError) in try body(arguments, target) })
  }

  /// All commands there are, by name.
  static let all: [String: QMPCommand] = Dictionary(
    uniqueKeysWithValues: (run + machine + replay + snapshots + dump + migration + descriptors).map {
      ($0.name, $0)
    })

  /// The answer of a command that has none.
  static let nothing: JSONValue = [:]
}
