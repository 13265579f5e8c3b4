import ArgumentParser

@main
struct RRTool: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rrtool",
    abstract: "Time travel for whole machines: record a RISC-V guest, replay it exactly, rewind it.",
    discussion: """
      EXAMPLES
        rrtool record                              record the demonstration guest
        rrtool record --kernel Image --initrd initrd.gz --append 'console=ttyS0' --drive file=disk.img -o linux.rr
        rrtool replay linux.rr                     the same run again, to the instruction
        rrtool inspect linux.rr events --kind clock-read
        rrtool snapshot create before-bug linux.rr --at 1,234,567
        rrtool replay linux.rr --from before-bug
        rrtool dump linux.rr --at before-bug -o core
        rrtool monitor linux.sock info status

      A POSITION is a number of instructions (1234567, 1,234,567 or 1_234_567), -N (before the end), +N, N%, event:N,
      start, end or the name of a snapshot. A recording that is not named is the latest one.

      EXIT STATUS
        the guest's own when it reports one; else 0 done, 1 failed, 3 the replay or an engine diverged, 64 wrong usage.
        A run that --max-instructions or Ctrl-C cut short is done: 0, with a note on standard error.
      """,
    version: "rrtool \(ToolVersion.text)",
    subcommands: [
      RecordCommand.self, RunCommand.self, ReplayCommand.self, InspectCommand.self, SnapshotCommand.self,
      DumpCommand.self,
      VerifyCommand.self, MonitorCommand.self, ListCommand.self, RemoveCommand.self,
    ])
}
