// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteCoding
import Execution
import HostSystem
import TimeTravel

/// The options of a replay that is left to go on with the real outside.
struct LiveOptions: ParsableArguments {
  @Flag(
    help: ArgumentHelp(
      "Go to --from or --to, leave the recording there and run on with real input, drives, clock and entropy, and with the network "
        + "that --net, or --netdev and --device, say then."
    ))
  var live = false

  @Option(
    name: [.customShort("o"), .long],
    help: ArgumentHelp(
      "With --live: record what follows, as a recording of its own.", valueName: "branch.rr"),
    completion: .directory
  )
  var output: String?

  @Flag(help: "With -o: replace the recording that stands there.")
  var force = false

  @Option(
    help: ArgumentHelp(
      "With --live: the guest's serial port: stdio, stdio,signal=off, null, file:FILE or unix:SOCKET.",
      valueName: "where"), completion: Completions.serial)
  var serial = "stdio"

  @OptionGroup var network: NetworkCardOptions

  @OptionGroup var snapshotOptions: SnapshotOptions

  func add(to files: inout FilePlaces) {
    files.write(recording: output, "-o ")
    files.write(SerialPorts.file(serial), "--serial file:")
  }

  /// Leaves `timeline` where it stands.
  func run(
    leaving timeline: Timeline, monitor: MonitorOptions, ends: EndOptions,
    console: Int32, _ outcome: Outcome
  ) throws {
    let (policy, pattern, timeout) = (
      try snapshotOptions.policy(), try ends.pattern(), try ends.timeout.parsed()
    )
    let networks = try network.parsed()
    let cardCount = timeline.recording.manifest.machine.networkCards?.count ?? 0
    say("live from position \(timeline.position.grouped)")
    func tellNetwork() {
      guard cardCount > 0 else { return }
      say(
        networks.isEmpty
          ? "the guest's network is not connected: its links go down; --net user connects it"
          : "the guest's network is another one from here on: its links go down and come up again")
    }
    outcome.set { $0.recording = output.map(HostFiles.absolute) }
    let port = try SerialPorts.open(serial, console: console)
    let result = try LiveSession.run(at: port, monitor: monitor, timeout: timeout) {
      (inbox, console, control) in
      let console = outcome.listening(to: console)
      guard let output else {
        let run = try PlainRun(
          leaving: timeline, networks: networks, inbox: inbox, console: console, control: control)
        tellNetwork()
        let result = run.run(stopOn: pattern, tell: say)
        outcome.note(digests: run.digests)
        return result
      }
      let options = Recorder.Options(output: output, force: force, snapshots: policy)
      let recorder = try Recorder(
        leaving: timeline, networks: networks, options, inbox: inbox, console: console, control: control)
      tellNetwork()
      let result = try recorder.run(stopOn: pattern, tell: say)
      outcome.note(digests: recorder.digests)
      return result
    }
    if result.failure == nil {
      say(output.map { "recorded \($0): \(result.ending.summary)" } ?? result.ending.summary)
    }
    try result.leave(outcome, goal: ends.stopOn)
  }
}
