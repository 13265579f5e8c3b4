// SPDX-License-Identifier: Apache-2.0

import HostSystem
import RecordingStore

/// What lldb is told when rrtool starts it.
enum LLDBCommands {
  /// lldb, of whatever version and place: `lldb-19`, `/usr/lib/llvm-19/bin/lldb`.
  static func isMeant(by program: String) -> Bool {
    let name = program.split(separator: "/").last ?? ""
    return name == "lldb" || name.hasPrefix("lldb-")
  }

  static func arguments(_ start: DebuggerStart, commands: String) -> [String] {
    // Symbols may be a stranger's: scripts that lie beside them are not run. The file comes before the machine, so that places
    // have names from the start.
    var arguments = ["-O", "settings set target.load-script-from-symbol-file false"]
    // A name that the compiler had as a relative one begins with a point in lldb.
    let maps = start.sourceMaps + start.folders.map { (from: ".", to: $0) }
    if !maps.isEmpty {
      let words = maps.flatMap { [DebuggerStart.quoted($0.from), DebuggerStart.quoted($0.to)] }
      arguments += ["-O", "settings set target.source-map " + words.joined(separator: " ")]
    }
    for (index, file) in start.symbols.enumerated() {
      if index == 0 {
        arguments.append(file.path)
      } else {
        arguments += ["-o", "target modules add \(DebuggerStart.quoted(file.path))"]
      }
    }
    arguments += ["-s", commands]
    // What is moved before it connects is moved back then.
    for file in start.symbols where file.displacement != 0 {
      arguments += [
        "-o", "target modules load -f \(DebuggerStart.quoted(file.path)) -s \(file.displacement)",
      ]
    }
    return arguments
  }

  /// Writes the commands into a folder, and answers the file to start with. lldb can keep several commands under one name
  /// only as a file of them.
  ///
  /// lldb knows no way to make it forget what it has read of a machine that moved behind its back: it leaves and comes
  /// again, and finds the machine where it is. Its breakpoints are its own, and come along.
  static func write(to folder: PrivateFolder, connectingTo socket: String) throws(Failure) -> String {
    let connect = "process connect -p gdb-remote \(DebuggerStart.quoted("unix-connect://" + socket))\n"
    let look = "process detach\n\(connect)"
    var text = ""
    for command in sequences {
      let file = try folder.write(
        command.packet.map { "process plugin packet \($0)\n\(look)" } ?? look, to: "\(command.name).lldb")
      text += define(
        command.name, command.help, "^.*$", "command source -s true \(DebuggerStart.quoted(file))")
    }
    for command in queries {
      text += define(
        command.name, command.help, command.hasArguments ? "^(.+)$" : "^.*$",
        "process plugin packet monitor \(command.name)\(command.hasArguments ? " %1" : "")")
    }
    return try folder.write(text + connect, to: "commands.lldb")
  }

  private static func define(_ name: String, _ help: String, _ pattern: String, _ command: String) -> String {
    // The separator may be any character; this one is in no command and, as a control character, in no sane path.
    "command regex \(name) -h \"\(help)\" -- 's\u{1}\(pattern)\u{1}\(command)\u{1}'\n"
  }

  /// Which commands there are, for the user.
  static let summary =
    (sequences.map(\.name) + queries.map(\.name)).joined(separator: ", ") + " ('help' tells more)"

  /// What moves the machine, and then has lldb look again.
  private static let sequences: [(name: String, packet: String?, help: String)] = [
    ("look", nil, "Forget what is known of the machine, and show where it is."),
    ("reverse-stepi", "send bs", "Step one instruction back."),
    ("reverse-continue", "send bc", "Run back to the next breakpoint or the start."),
    ("back", "monitor back", "Go to where you were before the last seek."),
    ("forward", "monitor forward", "Undo 'back'."),
    ("go", "monitor go", "Go to where the last answer of 'last' is."),
  ]

  private static let queries: [(name: String, hasArguments: Bool, help: String)] = [
    ("when", false, "Tell where the machine stands in the recording."),
    (
      "seek", true,
      "Go to a position: N, +N, -N, N%, event:N, start, end or a snapshot's name. Then type 'look'."
    ),
    ("last", true, "Tell who wrote memory or a register last: last ADDRESS LENGTH, last $REGISTER."),
    ("snapshot", true, "Save a snapshot of this place in the recording: snapshot NAME."),
    ("checkpoint", false, "Remember this place; 'restart N' comes back to it."),
    ("restart", true, "Go to checkpoint N. Then type 'look'."),
  ]
}
