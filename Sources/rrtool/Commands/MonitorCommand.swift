// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Monitor

struct MonitorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "monitor", abstract: "Control a run of rrtool through its monitor.",
    discussion: """
      The run was started with --qmp unix:SOCKET. Without a command, lines are read from standard input; a terminal gets
      editing, history and completion of commands and file names (Tab). File names are the running rrtool's: relative to the
      folder in which it was started.

      EXAMPLES
        rrtool record --kernel Image --qmp unix:linux.sock &
        rrtool monitor linux.sock
        rrtool monitor linux.sock info registers
        rrtool monitor linux.sock stop
      """)

  @Argument(help: ArgumentHelp("The socket.", valueName: "socket"), completion: .file())
  var socket: String

  @Argument(
    parsing: .captureForPassthrough,
    help: ArgumentHelp("A command to carry out instead of reading some.", valueName: "command"))
  var command: [String] = []

  func run() throws {
    try reporting {
      let client = try MonitorClient(socket)
      if !command.isEmpty {
        guard try Self.show(client.carryOut(command.joined(separator: " "))) else { throw ExitStatus.failed }
      } else if Terminal.isTerminal(0) {
        try MonitorDialog(client).run()
      } else {
        var isFine = true
        while let line = readLine() { isFine = try Self.show(client.carryOut(line)) && isFine }
        if !isFine { throw ExitStatus.failed }
      }
    }
  }

  /// Writes an answer to where it belongs; false when it says that something went wrong.
  private static func show(_ answer: String) -> Bool {
    guard answer.hasPrefix(HumanMonitor.errorPrefix) else {
      writeOutput(answer)
      return true
    }
    writeError("rrtool: " + answer.dropFirst(HumanMonitor.errorPrefix.count))
    return false
  }
}
