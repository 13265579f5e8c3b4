// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteCoding
import Execution
import HostSystem
import RecordingStore
import TimeTravel

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay", abstract: "Run a recording again, exactly, and check that it is the same.",
    discussion: """
      The guest's console is on standard output. All that the guest does is compared with the recording; at the first
      difference the replay stops with exit status 3 and says where it is and what differs. Idle time is not waited for.

      With --qmp or --paused the replay does not end where the recording ends: it is paused there, and the monitor can
      have it go back.

      EXAMPLES
        rrtool replay
        rrtool replay linux.rr --to 50%
        rrtool replay linux.rr --stop-on 'Kernel panic'
        rrtool replay linux.rr --from before-bug
        rrtool replay linux.rr --from nearest --to 50%
        rrtool replay linux.rr --to 50% --live -o what-if.rr
        rrtool replay linux.rr --debug --symbols vmlinux --to end
      """)

  /// In place of a snapshot's name.
  private static let nearest = "nearest"

  @OptionGroup var recordingArgument: RecordingArgument

  @Option(
    help: ArgumentHelp(
      "Start from this snapshot instead of the start; nearest: from the last one before --to.",
      valueName: "snapshot"),
    completion: Completions.snapshot)
  var from: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Stop at this position instead of the end.", valueName: "position"),
    completion: Completions.position)
  var to: String?

  @OptionGroup var options: DebugOptions

  @OptionGroup var engine: EngineOption

  @OptionGroup var ends: EndOptions

  @OptionGroup var results: ResultOptions

  @OptionGroup var monitor: MonitorOptions

  @OptionGroup var live: LiveOptions

  @OptionGroup var checkpoints: CheckpointOptions

  func run() throws {
    try reporting("replay", results, files: addFiles) { outcome in
      let recording = try recordingArgument.open()
      outcome.set { $0.recording = HostFiles.absolute(recording.name) }
      try options.check()
      let (pattern, timeout) = (try ends.pattern(), try ends.timeout.parsed())
      if options.isWanted {
        guard !live.live else {
          throw Failure(.usage, "--live", "does not go with a debugger", remedy: "give one of the two")
        }
        if timeout != nil || pattern != nil {
          throw Failure(
            .usage, timeout != nil ? "--timeout" : "--stop-on",
            "does not go with a debugger, which ends when its user wants",
            remedy: "leave it out")
        }
        guard results.console == 1 || !(options.debug || options.gdb == "stdio") else {
          throw Failure(
            .usage, results.isJSON ? "--format json" : "--result -", "standard output is the debugger's",
            remedy: "name a file for --result")
        }
        return try debug(recording, outcome)
      }
      if live.live {
        if let packed = recording.packedPath, live.output != nil {
          throw Failure(
            .usage, "-o", "what goes on from \(packed) would need the images in it",
            remedy: "make a recording of it with 'rrtool unpack \(packed)', and leave that")
        }
        return try goLive(recording, outcome)
      }
      if !live.network.isEmpty {
        throw Failure(
          .usage, "--net", "a replay needs no network, and has none", remedy: "add --live, or leave it out")
      }
      if live.output != nil {
        throw Failure(.usage, "-o", "a replay records nothing", remedy: "add --live, or leave out -o")
      }
      let port = StandardSerialPort(isReplayed: true, console: results.console)
      // Whoever has a monitor may want to go back.
      let isControlled = monitor.qmp != nil || monitor.paused
      let isNear = try startsNearby(recording)
      let timeline = try Timeline(
        recording, from: isNear ? nil : from, near: isNear ? destination() : nil,
        console: outcome.listening(to: port.output), engine: engine.parsed(),
        checkpoints: isControlled ? checkpoints.policy() : nil)
      var target: UInt64?
      if let to, to != "end" {
        let position = try timeline.resolve(PositionExpression.parsed(to, option: "--to"))
        guard position >= timeline.position else {
          throw Failure(
            .usage, "--to \(to)",
            "lies before position \(timeline.position.grouped), where the replay starts",
            remedy: "start from an earlier snapshot with --from")
        }
        target = position
      }
      timeline.stop(on: pattern)
      let progress = Progress(
        "replaying", from: timeline.position, to: target ?? timeline.end.position,
        consoleIsTerminal: Terminal.isTerminal(results.console))
      let (stop, cause) = try LiveSession.run(at: port, monitor: monitor, timeout: timeout) {
        (inbox, _, control) in
        let stop = try ReplayRun(
          timeline, until: target, staysAtEnd: isControlled, control: control
        ).run { progress.show($0) }
        return (stop, inbox.stopCause)
      }
      progress.finish()
      outcome.note(stop, timeline)
      let isMissed = ends.stopOn.map { outcome.note(goal: $0, isMet: stop == .match) } ?? false
      try Self.report(stop, cause, timeline, outcome)
      if isMissed, cause == nil { throw ExitStatus.missed }
    }
  }

  private func addFiles(to files: inout FilePlaces) {
    files.read(recordingArgument)
    for path in options.symbols.symbols { files.read(path, "--symbols ") }
    live.add(to: &files)
  }

  /// What was before need not be seen again: the way goes from the nearest snapshot.
  private func goLive(_ recording: Recording, _ outcome: Outcome) throws {
    guard from != nil || to != nil else {
      throw Failure(
        .usage, "--live", "there is no place to leave the recording at", remedy: "give --from or --to")
    }
    let timeline = try Timeline(recording, from: from, near: try destination(), engine: engine.parsed())
    if let to {
      guard try timeline.goThere() == .position else {
        throw Failure(
          .usage, "--to \(to)", "the recorded run is over there", remedy: "leave the recording earlier")
      }
    }
    try live.run(
      leaving: timeline, monitor: monitor, ends: ends, console: results.console, outcome)
  }

  /// Whether `--from` asks for whichever snapshot is the last before `--to`. One that is called so comes first.
  private func startsNearby(_ recording: Recording) throws -> Bool {
    guard from == Self.nearest,
      try !SnapshotStore(recording).list().contains(where: { $0.name == Self.nearest })
    else {
      return false
    }
    guard to != nil else {
      throw Failure(
        .usage, "--from nearest", "there is no place that it would be near to", remedy: "give --to")
    }
    return true
  }

  /// What `--to` says.
  func destination() throws(Failure) -> PositionExpression? {
    try to.map { (text) throws(Failure) in try PositionExpression.parsed(text, option: "--to") }
  }

  /// Says how the replay ended, and ends the command with the guest's status.
  ///
  /// - Parameter cause: who ended it, if somebody did.
  private static func report(
    _ stop: Timeline.Stop, _ cause: StopCause?, _ timeline: Timeline, _ outcome: Outcome
  ) throws {
    let place = "position \(timeline.position.grouped)"
    func say(_ text: String) {
      outcome.set { $0.message = text }
      rrtool.say(text)
    }
    switch stop {
    case .position where cause != nil, .stopPoint where cause != nil:
      switch cause {
      case .timeout?:
        say("replayed to \(place): its time was up")
        outcome.set { $0.end = .timeout }
        throw ExitStatus.limit
      case .signal(let number)?:
        say("replayed to \(place), where it was interrupted")
        outcome.set { facts in
          facts.end = .interrupted
          facts.signal = number
        }
        throw ExitStatus.signal(number)
      case .user?, nil:
        say("replayed to \(place)")
        outcome.set { $0.end = .interrupted }
      }
    case .position, .stopPoint:
      say("replayed to \(place)")
    case .match:
      say("replayed to \(place): the console said what was waited for")
    case .incomplete:
      let why =
        Recording.isBeingMade(at: timeline.recording.path)
        ? "is being made" : "is incomplete, its recorder was killed"
      say("replayed to \(place): the recording \(why); it is the same up to there")
    case .forkEnded(let reason):
      say("replayed to \(place): \(reason)")
    case .end:
      say("replayed to the end at \(place): the same as recorded")
      guard let ending = timeline.recording.manifest.ending else { return }
      if ending.isLost { say(ending.summary) }
      if let status = ending.guestStatus { throw status }
    }
  }
}

extension PositionExpression {
  static func parsed(_ text: String, option: String) throws(Failure) -> PositionExpression {
    guard let expression = PositionExpression(text) else {
      throw Failure(
        .usage, "\(option) \(text)", "is not a position",
        remedy: "positions are N, +N, -N, N%, event:N, start, end or a snapshot's name")
    }
    return expression
  }
}
