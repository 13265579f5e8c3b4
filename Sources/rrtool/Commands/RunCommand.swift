// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Execution
import GuestJobs
import HostSystem
import RecordingStore

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run a guest without recording it.",
    discussion: """
      The same machine as with record; what the guest writes to its disks is gone afterwards.

      With --engine lockstep the interpreter and the translator run the guest side by side. At the first instruction after
      which a register, a device or memory differs the run stops with exit status 3 and prints both sides.

      With --gdb a debugger can come while the guest runs, and go back from where it is. So the run is recorded, into a folder
      for temporary files (TMPDIR) that goes with it.

      Options of QEMU (-M virt -kernel Image ...) are taken as well: see 'rrtool help qemu'.

      EXAMPLES
        rrtool run
        rrtool run --bios program.elf --serial null
        rrtool run --bios program.elf --engine lockstep
        rrtool run --bios program.elf --gdb tcp:1234 --paused
        rrtool run --kernel Image --append console=ttyS0 --stop-on 'login:' --timeout 5m --result boot.json
      """)

  @OptionGroup var options: GuestOptions

  @OptionGroup var ends: EndOptions

  @OptionGroup var results: ResultOptions

  @OptionGroup var monitor: MonitorOptions

  @Option(
    help: ArgumentHelp(
      "Go on with a guest that is migrated from another rrtool, which was given the same options: file:PATH, "
        + "exec:COMMAND, unix:PATH or tcp:[HOST]:PORT.", valueName: "address"),
    completion: .list(["file:", "exec:", "unix:", "tcp:"]))
  var incoming: String?

  @OptionGroup var debugger: LiveDebugOptions

  func run() throws {
    try reporting("run", results, files: options.add) { outcome in
      let guest = try options.guest(inLockstep: options.engineOption.isLockstep)
      if try options.start.dump(of: guest) { return }
      let limit = try options.limit()
      let timeout = try ends.timeout.parsed()
      let pattern = try ends.pattern()
      let timing = try options.timing()
      if timing.logPath != nil || timing.snapshotName != nil {
        throw Failure(
          .usage, "--icount", "rrfile and rrsnapshot are for recordings",
          remedy: "leave them out, or use 'rrtool record'")
      }
      let isLockstep = options.engineOption.isLockstep
      if isLockstep, monitor.qmp != nil || monitor.paused {
        throw Failure(
          .usage, "--engine lockstep", "compares the engines and has no monitor",
          remedy: "leave out --qmp and --paused, or choose another engine")
      }
      let source = try incoming.map { (text) throws(Failure) in try MigrationAddress(parsing: text) }
      if isLockstep, source != nil {
        throw Failure(
          .usage, "--incoming", "a guest in lockstep begins at its start", remedy: "choose another engine")
      }
      if let place = try debugger.place() {
        guard !isLockstep, source == nil else {
          throw Failure(
            .usage, "--gdb", "does not go with \(isLockstep ? "--engine lockstep" : "--incoming")",
            remedy: "give one of the two")
        }
        return try debug(guest, at: place, outcome)
      }
      let result = try LiveSession.run(
        at: SerialPorts.open(options.serial, console: results.console), monitor: isLockstep ? nil : monitor,
        isIncoming: source != nil, timeout: timeout
      ) {
        (inbox, console, control) in
        let console = outcome.listening(to: console)
        if isLockstep {
          let run = try LockstepRun(guest, inbox: inbox, console: console)
          let result = try run.run(limit: limit, stopOn: pattern, tell: say)
          outcome.note(digests: run.digests)
          return result
        }
        let run = try PlainRun(
          guest, inbox: inbox, console: console, control: control, incoming: source)
        let result = run.run(limit: limit, stopOn: pattern, tell: say)
        outcome.note(digests: run.digests)
        return result
      }
      if result.ending.reason != .poweredOff { say(result.ending.summary) }
      try result.leave(outcome, goal: ends.stopOn)
    }
  }

  /// Going back needs a recording: one that nobody sees.
  private func debug(_ guest: Guest, at place: DebuggerPlace, _ outcome: Outcome) throws {
    for drive in guest.drives { try ScratchDrives.check(drive) }
    let (limit, pattern, timeout) = (try options.limit(), try ends.pattern(), try ends.timeout.parsed())
    let checkpoints = try debugger.checkpoints.policy()
    let listener = try place.listen()
    let folder = try TemporaryRecording(of: guest.name, purpose: "record into")
    defer { folder.remove() }
    let port = try SerialPorts.open(options.serial, console: results.console)
    let result = try LiveSession.run(at: port, monitor: monitor, timeout: timeout) {
      (inbox, console, control) in
      var options = Recorder.Options(output: folder.path, snapshots: .none)
      options.canGoBack = true
      let recorder = try Recorder(
        guest, options, inbox: inbox, console: outcome.listening(to: console), control: control)
      let result = try recorder.run(
        limit: limit, stopOn: pattern, debuggersAt: listener, control: control, checkpoints: checkpoints)
      outcome.note(digests: recorder.digests)
      return result
    }
    if result.ending.reason != .poweredOff { say(result.ending.summary) }
    try result.leave(outcome, goal: ends.stopOn)
  }
}
