import ArgumentParser
import RecordReplay

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run a guest without recording it.",
    discussion: """
      The same machine as with record; what the guest writes to its disks is gone afterwards.

      EXAMPLES
        rrtool run
        rrtool run --bios program.elf --serial null
      """)

  @OptionGroup var options: GuestOptions

  func run() throws {
    try reporting {
      let guest = try options.guest()
      let limit = try options.limit()
      let timing = try options.timing()
      if timing.logPath != nil || timing.snapshotName != nil {
        throw Failure(
          .usage, "--icount", "rrfile and rrsnapshot are for recordings",
          remedy: "leave them out, or use 'rrtool record'")
      }
      let result = try LiveSession.run(serial: options.serial) { (inbox, console) in
        try PlainRun(guest, inbox: inbox, console: console).run(limit: limit)
      }
      if result.ending.reason != .poweredOff { say(result.ending.summary) }
      try result.leave()
    }
  }
}
