// SPDX-License-Identifier: Apache-2.0

import HostSystem
import RecordingStore

/// What gdb is told when rrtool starts it.
enum GDBCommands {
  /// What has it find symbols and sources before it runs the commands.
  static func arguments(_ start: DebuggerStart) -> [String] {
    var arguments: [String] = []
    // Files that were not named came with a recording, or are named in one: a stranger's. No scripts in them are run.
    if !start.areSymbolsNamed, !start.symbols.isEmpty { arguments += ["-iex", "set auto-load off"] }
    // Each folder comes before those that were given earlier. gdb looks in folders before it looks where a map leads: whoever gives one
    // knows where the sources are.
    let near = start.sourceMaps.isEmpty ? start.symbols.flatMap { DebuggerStart.foldersNear($0.path) } : []
    for folder in (start.folders + near).reversed() { arguments += ["-d", folder] }
    if let first = start.symbols.first, first.displacement == 0 { arguments.append(first.path) }
    return arguments
  }

  private static func maps(_ start: DebuggerStart) -> String {
    start.sourceMaps.map {
      "set substitute-path \(DebuggerStart.quoted($0.from)) \(DebuggerStart.quoted($0.to))\n"
    }.joined()
  }

  private static func reading(_ symbols: [SymbolFile]) -> String {
    symbols.enumerated().map { index, file in
      let offset = file.displacement == 0 ? "" : " -o 0x\(String(file.displacement, radix: 16))"
      // The first is gdb's own already, unless it lies elsewhere than it says: of that one file gdb takes back its offset when it connects.
      if index == 0, offset.isEmpty { return "" }
      return "add-symbol-file \(DebuggerStart.quoted(file.path))\(offset)\n"
    }.joined()
  }

  /// gdb keeps registers and memory that it has read. Commands that move the machine behind its back make it forget
  /// them and show where it is.
  static func text(_ start: DebuggerStart, connectingTo socket: String) -> String {
    """
    # gdb's own checkpoint and restart are for programs that can fork; do not ask whether to replace them.
    set $rrtool_confirm = $_gdb_setting("confirm")
    set confirm off
    \(maps(start) + reading(start.symbols))
    define rrtool-forget
      maintenance flush register-cache
      maintenance flush dcache
    end
    document rrtool-forget
    Forget what is known of the machine.
    end

    define rrtool-look
      rrtool-forget
      frame
    end
    document rrtool-look
    Forget what is known of the machine, and show where it is.
    end

    # With Python (GDBPython), places of code get names as well, and some of the commands below do more.
    define rrtool-last
      if $argc > 1
        monitor last $arg0 $arg1
      else
        monitor last $arg0
      end
    end

    define rrtool-last-bytes
      monitor last-bytes $arg0 $arg1
    end

    # The text of a register is a '$' and a name; what else begins with a '$' is an expression like others.
    define last
      if $argc == 0
        echo Usage: last VARIABLE, last ADDRESS LENGTH, last $REGISTER\\n
      else
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
          eval "rrtool-last 0x%lx %ld", (unsigned long)($arg0), (long)($arg1)
        else
          if $rrtool_c == 0
            rrtool-last $arg0
          else
            eval "rrtool-last 0x%lx %ld", (unsigned long)&($arg0), (long)sizeof($arg0)
          end
        end
      end
    end
    document last
    Tell who wrote a variable or changed a register last before this place: last VARIABLE, last ADDRESS LENGTH, last $REGISTER.
    end

    define last-bytes
      if $argc > 1
        eval "rrtool-last-bytes 0x%lx %ld", (unsigned long)($arg0), (long)($arg1)
      else
        if $argc > 0
          eval "rrtool-last-bytes 0x%lx %ld", (unsigned long)&($arg0), (long)sizeof($arg0)
        else
          echo Usage: last-bytes VARIABLE, last-bytes ADDRESS LENGTH\\n
        end
      end
    end
    document last-bytes
    Tell who wrote each byte of a variable last before this place: last-bytes VARIABLE, last-bytes ADDRESS LENGTH.
    end

    # Page tables tell address spaces apart. The number beside them in satp is given to others now and then.
    define break-here
      if $argc == 1
        set $rrtool_space = $satp & 0xfffffffffff
        eval "break $arg0 if ($satp & 0xfffffffffff) == 0x%lx", $rrtool_space
      else
        echo Usage: break-here LOCATION; a condition needs a gdb with Python\\n
      end
    end
    document break-here
    Set a breakpoint for the address space of the hart that is looked at alone: break-here LOCATION.
    end

    define run
      monitor seek start
      rrtool-forget
      continue
    end
    document run
    Go to the start of the recording, and run from there.
    end

    # gdb asks whether a breakpoint in no function is for a library, and goes on without it.
    define rrtool-main
      set $rrtool_i = (long)&main
    end

    define start
      rrtool-main
      tbreak main
      run
    end
    document start
    Run from the start of the recording to the beginning of the function 'main'.
    end

    define starti
      monitor seek start
      rrtool-look
    end
    document starti
    Go to the start of the recording.
    end

    \(commands.map(\.text).joined(separator: "\n"))
    if $rrtool_confirm
      set confirm on
    end

    target remote \(socket)
    # A step is for the hart that is looked at.
    set scheduler-locking step
    echo rrtool: run, seek, back, forward, when, checkpoint, restart, snapshot, last, go, break-here ('help user-defined')\\n

    """
  }

  /// A command of gdb that stands for one after `monitor`.
  private struct Command {
    var name: String
    /// The one word that it takes.
    var argument: String?
    /// It moves the machine.
    var moves = false
    var help: String

    var text: String {
      // Ctrl-C ends the definition wherever the machine has come to: what is known of it goes before, too.
      let command = "monitor \(name)\(argument == nil ? "" : " $arg0")"
      let steps = (moves ? ["rrtool-forget", command, "rrtool-look"] : [command]).joined(separator: "\n")
      let body =
        argument.map { "if $argc == 1\n\(steps)\nelse\necho Usage: \(name) \($0)\\n\nend" } ?? steps
      return "define \(name)\n\(body)\nend\ndocument \(name)\n\(help)\nend\n"
    }
  }

  private static let commands = [
    Command(name: "when", help: "Tell where the machine stands in the recording."),
    Command(
      name: "seek", argument: "POSITION", moves: true,
      help: "Go to a position: N, +N, -N, N%, event:N, start, end or a snapshot's name."),
    Command(name: "back", moves: true, help: "Go to where you were before the last move."),
    Command(name: "forward", moves: true, help: "Undo 'back'."),
    Command(name: "go", moves: true, help: "Go to where the last answer of 'last' is."),
    Command(
      name: "snapshot", argument: "NAME",
      help: "Save a snapshot of this place in the recording: snapshot NAME."),
    Command(name: "checkpoint", help: "Remember this place; 'restart N' comes back to it."),
    Command(name: "info checkpoints", help: "List the places that are remembered."),
    Command(name: "delete checkpoint", argument: "N", help: "Forget checkpoint N."),
    Command(name: "restart", argument: "N", moves: true, help: "Go to checkpoint N."),
  ]
}
