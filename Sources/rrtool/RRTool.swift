// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc

@main
struct RRTool: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rrtool",
    abstract: "Time travel for whole machines: record a RISC-V guest, replay it exactly, rewind it.",
    discussion: """
      EXAMPLES
        rrtool record                              record the demonstration guest
        rrtool record --kernel Image --initrd initrd.gz --append 'console=ttyS0' --drive file=disk.img -o linux.rr
        rrtool qemu record -- qemu-system-riscv64 -M virt -kernel Image -append console=ttyS0 -nographic
        rrtool replay linux.rr                     the same run again, to the instruction
        rrtool inspect linux.rr events --kind clock-read
        rrtool snapshot create before-bug linux.rr --at 1,234,567
        rrtool replay linux.rr --from before-bug
        rrtool dump linux.rr --at before-bug -o core
        rrtool monitor linux.sock info status
        rrtool pack linux.rr                       one file that needs nothing else
        rrtool trim linux.rr --from 40% --to 60% -o part.rr

      A POSITION is a number of instructions (1234567, 1,234,567 or 1_234_567), -N (before the end), +N, N%, event:N,
      start, end or the name of a snapshot. 5M is 5,000,000 instructions, wherever a number of them is asked for. A
      recording that is not named is the latest one.

      EXIT STATUS
        the guest's own when it reports one; else
        0        done
        1        failed: a file, the host, damage
        3        the replay did something else than recorded, or one engine something else than the other
        4        the guest can never go on: all harts wait, trap or spin for ever
        5        --until-failure found a run in which the console said what --stop-on waits for
        6        the guest ended well, but the console never said what --stop-on waits for
        64       wrong usage
        124      --timeout ended the run; of run and --until-failure also --max-instructions
        128 + n  signal n ended it: 130 Ctrl-C, 143 SIGTERM
        --result FILE says whose status it is, and all else, as JSON. A replay repeats what the guest did; where
        somebody else ended the recorded run it ends with 0.
      """,
    version: "rrtool \(ToolVersion.full)",
    subcommands: [
      RecordCommand.self, RunCommand.self, QEMUCommand.self, ReplayCommand.self, InspectCommand.self,
      SnapshotCommand.self,
      DumpCommand.self, SymbolsCommand.self,
      VerifyCommand.self, MonitorCommand.self, ListCommand.self, MoveCommand.self, CopyCommand.self,
      RemoveCommand.self, PruneCommand.self, RebaseCommand.self,
      PackCommand.self, UnpackCommand.self, TrimCommand.self, ManualCommand.self,
    ])

  static func main() {
    StandardDescriptors.prepare()
    var words: [String] = []
    do {
      try reporting { try StandardDescriptors.checkRoom() }
      words = try ordered(Array(CommandWords.all.dropFirst()))
      if let line = PastedLine(words) {
        try line.carryOut()
      } else {
        try reporting {
          try PastedLine.refuseStrangers(in: words)
          try UnknownCommand.refuse(in: words)
        }
        var command = try parseAsRoot(words)
        try command.run()
      }
    } catch {
      leave(error, words)
    }
  }

  private static func ordered(_ words: [String]) throws -> [String] {
    var result = words
    try reporting { result = try ViewWords.ordered(words) }
    return result
  }

  /// Ends the program with what an error calls for: help that was asked for is no error, and wrong usage is told in one line.
  private static func leave(_ error: any Error, _ words: [String]) -> Never {
    let code = exitCode(for: error)
    if code == .success {
      let layout = HelpLayout()
      HelpLayout.takeOver()
      let script = CompletionScript(
        commands: configuration.subcommands.filter { $0.configuration.shouldDisplay }.map { command in
          (command._commandName, command.configuration.subcommands.map { $0._commandName })
        })
      let text = script.improved(layout.fit(fullMessage(for: error)))
      if !text.isEmpty { show(text) }
      if let lost = StandardOutput.finish() {
        say(lost.description)
        Glibc.exit(ExitStatus.failed.rawValue)
      }
    } else {
      let text = ParserComplaint(message(for: error), of: words).text
      if !text.isEmpty { complain(text) }
    }
    Glibc.exit(code.rawValue)
  }
}
