// SPDX-License-Identifier: Apache-2.0

import Execution
import HostSystem

/// What gdb is told when rrtool starts it.
enum GDBCommands {
  /// What has it read files with symbols that came with a recording. They are a stranger's: no scripts in them are run.
  static func arguments(symbols paths: [String]) -> [String] {
    guard let first = paths.first else { return [] }
    func quoted(_ path: String) -> String {
      "\"" + path.map { "\"\\".contains($0) ? "\\\($0)" : String($0) }.joined() + "\""
    }
    let more = paths.dropFirst().flatMap { ["-ex", "add-symbol-file \(quoted($0))"] }
    return ["-iex", "set auto-load off", first] + more
  }

  /// What has it find sources whose names are relative, as reproducible builds have them: below the folder of the file that the user
  /// named, or one of the two above, since programs are often built in a folder among their sources.
  static func arguments(sourcesNear file: String) -> [String] {
    var folder = HostFiles.absolute(file)
    return (0..<3).flatMap { _ in
      folder = HostFiles.parentFolder(of: folder)
      return ["-d", folder]
    }
  }

  /// gdb keeps registers and memory that it has read. Commands that move the machine behind its back make it forget
  /// them and show where it is.
  static func text(connectingTo socket: String) -> String {
    """
    # gdb's own checkpoint and restart are for programs that can fork; do not ask whether to replace them.
    set $rrtool_confirm = $_gdb_setting("confirm")
    set confirm off

    define rrtool-look
      maintenance flush register-cache
      maintenance flush dcache
      frame
    end
    document rrtool-look
    Forget what is known of the machine, and show where it is.
    end

    # The text of a register is a '$' and a name; what else begins with a '$' is an expression like others.
    define last
      set $rrtool_i = 1
      set $rrtool_c = (int)"$arg0"[0]
      if $rrtool_c == 36
        set $rrtool_c = (int)"$arg0"[1]
        while ($rrtool_c >= 97 && $rrtool_c <= 122) || ($rrtool_i > 1 && $rrtool_c >= 48 && $rrtool_c <= 57)
          set $rrtool_i = $rrtool_i + 1
          set $rrtool_c = (int)"$arg0"[$rrtool_i]
        end
      else
        set $rrtool_c = -1
      end
      if $argc > 1
        eval "monitor last 0x%lx %ld", (unsigned long)($arg0), (long)($arg1)
      else
        if $rrtool_c == 0
          monitor last $arg0
        else
          eval "monitor last 0x%lx %ld", (unsigned long)&($arg0), (long)sizeof($arg0)
        end
      end
    end
    document last
    Tell who wrote a variable or changed a register last before this place: last VARIABLE, last ADDRESS LENGTH, last $REGISTER.
    end

    \(commands.map(\.text).joined(separator: "\n"))
    if $rrtool_confirm
      set confirm on
    end

    target remote \(socket)
    # A step is for the hart that is looked at.
    set scheduler-locking step

    """
  }

  /// A command of gdb that stands for one after `monitor`.
  private struct Command {
    var name: String
    var arguments = ""
    /// It moves the machine.
    var moves = false
    var help: String

    var text: String {
      """
      define \(name)
        monitor \(name)\(arguments)
      \(moves ? "  rrtool-look\n" : "")end
      document \(name)
      \(help)
      end

      """
    }
  }

  private static let commands = [
    Command(name: "when", help: "Tell where the machine stands in the recording."),
    Command(
      name: "seek", arguments: " $arg0", moves: true,
      help: "Go to a position: N, +N, -N, N%, event:N, start, end or a snapshot's name."),
    Command(name: "back", moves: true, help: "Go to where you were before the last move."),
    Command(name: "forward", moves: true, help: "Undo 'back'."),
    Command(name: "go", moves: true, help: "Go to where the last answer of 'last' is."),
    Command(name: "checkpoint", help: "Remember this place; 'restart N' comes back to it."),
    Command(name: "info checkpoints", help: "List the places that are remembered."),
    Command(name: "delete checkpoint", arguments: " $arg0", help: "Forget checkpoint N."),
    Command(name: "restart", arguments: " $arg0", moves: true, help: "Go to checkpoint N."),
  ]
}
