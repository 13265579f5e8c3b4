// SPDX-License-Identifier: Apache-2.0

/// Descriptors that a client passes over the socket, for what is to be written into them.
extension QMPCommand {
  static let descriptors: [QMPCommand] = [
    QMPCommand(
      "getfd", [.required("fdname", .string)],
      forClient: { (arguments, _, descriptors) throws(MonitorError) in
        try descriptors.name(arguments.string("fdname"))
        return nothing
      }),
    QMPCommand(
      "closefd", [.required("fdname", .string)],
      forClient: { (arguments, _, descriptors) throws(MonitorError) in
        guard descriptors.remove(arguments.string("fdname")) != nil else {
          throw ClientDescriptors.notFound(arguments.string("fdname"))
        }
        return nothing
      }),
  ]
}

/// In human words none can come: they are a person's, or a text within another command.
extension HumanCommand {
  static let descriptors: [HumanCommand] = [
    HumanCommand(
      "getfd", [.required("NAME", .word)], "name a descriptor that came beside the command: QMP's only"
    ) {
      (_, _) throws(MonitorError) in
      throw ClientDescriptors.noneCame
    },
    HumanCommand("closefd", [.required("NAME", .word)], "close a descriptor that was named: QMP's only") {
      (arguments, _) throws(MonitorError) in
      throw ClientDescriptors.notFound(arguments["NAME"])
    },
  ]
}
