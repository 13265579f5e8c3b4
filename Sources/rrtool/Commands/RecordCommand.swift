// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Execution
import HostSystem
import RecordingStore

struct RecordCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record", abstract: "Run a guest and record all that enters it.",
    discussion: """
      The guest's console is on standard output. Ctrl-C ends the recording cleanly, and so does Ctrl-A x; Ctrl-A h shows
      what else Ctrl-A does.

      With --gdb a debugger can come while the guest runs, and leave, as often as it likes: the guest stops, what was recorded so far
      can be gone back in, and at its end 'continue' has the guest go on. docs/time-travel.md has more.

      Options of QEMU (-M virt -kernel Image ...) are taken as well: see 'rrtool help qemu'.

      EXAMPLES
        rrtool record
        rrtool record --bios program.elf -o program.rr
        rrtool record --kernel vmlinuz --initrd initrd.gz --append console=ttyS0 --drive file=disk.qcow2 --smp 2
        rrtool record --kernel Image --drive file=disk.qcow2,overlay=none --icount rrsnapshot=clean
        rrtool record --bios test.elf --timeout 5m --until-failure=100 --result result.json -o failing.rr
        rrtool record --kernel Image --gdb tcp:1234           and in gdb: target remote :1234
        rrtool record --kernel Image --gdb tcp:1234 --paused  stopped until gdb says 'continue'
      """)

  @OptionGroup var options: GuestOptions

  @OptionGroup var ends: EndOptions

  @Option(
    defaultAsFlag: Self.unlimited, parsing: .next,
    help: ArgumentHelp(
      "Record again and again, N times at most, until a run fails: the guest's status is not 0, it can never go on, a limit ends it, or the "
        + "console says what --stop-on waits for. Only that recording is kept. Each round draws other random numbers, and clock, input "
        + "and drives come in their own time.",
      valueName: "N"))
  var untilFailure: String?

  @OptionGroup var results: ResultOptions

  @OptionGroup var monitor: MonitorOptions

  @Option(
    name: [.customShort("o"), .long], help: ArgumentHelp("The recording to make.", valueName: "name.rr"),
    completion: .directory)
  var output: String?

  @Flag(help: "Replace the recording that stands there.")
  var force = false

  @OptionGroup var snapshotOptions: SnapshotOptions

  @OptionGroup var debugger: LiveDebugOptions

  static let unlimited = "without end"

  func run() throws {
    try reporting("record", results, files: addFiles) { outcome in
      let rounds = try rounds()
      if options.start.dumpDtb != nil, try options.start.dump(of: options.guest()) { return }
      if let output { try Recording.checkIsName(output) }
      if let rounds {
        try recordUntilFailure(atMost: rounds, outcome)
      } else {
        let guest = try options.guest()
        let target = try target(guest)
        let result = try record(guest, to: target, tellingLatest: true, outcome)
        if result.failure == nil { say("recorded \(target): \(result.ending.summary)") }
        // A recording of so much of the run is what was asked for.
        try result.leave(outcome, limitIsGoal: true, goal: ends.stopOn)
      }
    }
  }

  private func addFiles(to files: inout FilePlaces) {
    options.add(to: &files)
    files.write(recording: output, "-o ")
  }

  /// Where the recording goes.
  func target(_ guest: Guest) throws(Failure) -> String {
    if let output { return output }
    let folder = TraceFolder()
    try HostFiles.makeFolders(folder.path)
    return folder.unusedPath(guest: guest.name)
  }

  /// Records one run.
  ///
  /// - Parameters:
  ///   - name: where it is to stand in the end, if that is another place.
  ///   - isLatest: it is the latest recording from its start.
  ///   - input: standard input, where more runs are to come.
  func record(
    _ guest: Guest, to target: String, as name: String? = nil, tellingLatest isLatest: Bool,
    input: SharedInput? = nil,
    _ outcome: Outcome
  ) throws -> RunResult {
    let (policy, limit, timing) = (try snapshotOptions.policy(), try options.limit(), try options.timing())
    let (pattern, timeout) = (try ends.pattern(), try ends.timeout.parsed())
    let (listener, checkpoints) = (try debugger.place()?.listen(), try debugger.checkpoints.policy())
    if listener != nil, policy.ringByteLimit != nil || untilFailure != nil {
      throw Failure(
        .usage, "--gdb", "does not go with \(untilFailure != nil ? "--until-failure" : "--ring")",
        remedy: "leave out one of the two")
    }
    outcome.set { $0.recording = HostFiles.absolute(name ?? target) }
    let port = try SerialPorts.open(options.serial, console: results.console, input: input)
    return try LiveSession.run(at: port, monitor: monitor, timeout: timeout) {
      (inbox, console, control) in
      var options = Recorder.Options(
        output: target, force: force, logPath: timing.logPath, snapshotName: timing.snapshotName,
        snapshots: policy)
      options.canGoBack = listener != nil
      let recorder = try Recorder(
        guest, options, inbox: inbox, console: outcome.listening(to: console), control: control)
      for remark in recorder.remarks { say(remark) }
      if isLatest { Self.setLatest(target) }
      let result = try recorder.run(
        limit: limit, stopOn: pattern, debuggersAt: listener, control: control, checkpoints: checkpoints)
      outcome.note(digests: recorder.digests)
      return result
    }
  }

  static func setLatest(_ target: String) {
    do {
      try TraceFolder().setLatest(target)
    } catch {
      // The recording itself goes on.
      say("the recording will not be the latest one: \(error)")
    }
  }
}
