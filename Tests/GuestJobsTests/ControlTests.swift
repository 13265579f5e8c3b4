// SPDX-License-Identifier: Apache-2.0

import Emulator
import Execution
import Foundation
import GuestJobs
import HostSystem
import RecordingStore
import ReplayLog
import RunSupport
import Synchronization
import TestSupport
import Testing
import TimeTravel

/// What other threads do to a run: it never changes the guest's course, and what does is in the log.
@Suite struct ControlTests {
  /// What happened, in order, as observers heard it.
  private final class Heard: Sendable {
    private let list = Mutex<[RunEvent]>([])
    var events: [RunEvent] { list.withLock { $0 } }
    func add(_ event: RunEvent) { list.withLock { $0.append(event) } }
  }

  /// A guest that is recorded while `body` controls it from another thread.
  private struct Controlled {
    let folder = TestFolder()
    let output = SharedOutput()
    let heard = Heard()
    var result: RunResult
    var problem: (any Error)?
    var recording: Recording { get throws { try Recording(opening: folder.file("guest.rr")) } }

    init(
      _ name: String, sleeps: Bool = false, isPaused: Bool = false, hasConsole: Bool = true,
      _ body: @escaping @Sendable (RunControl, SharedOutput) throws -> Void
    ) throws {
      var guest = Guest(name: name, memorySize: 16 << 20, hartCount: 1, shift: 3, sleeps: sleeps)
      try guest.load(.bios, from: fixture(name))
      let inbox = Inbox()
      if hasConsole { inbox.openSource() }
      let control = RunControl(inbox: inbox, isPaused: isPaused)
      control.observe { [heard] event in heard.add(event) }
      let recorder = try Recorder(
        guest, Recorder.Options(output: folder.file("guest.rr"), digestInterval: 1_000_000), inbox: inbox,
        console: output, control: control)
      let problem = Mutex<(any Error)?>(nil)
      let thread = HostThread { [output] in
        do {
          try body(control, output)
          try waitUntil("the run ends") { control.state == .shutdown }
        } catch {
          problem.withLock { $0 = error }
          // A test has an end, also when its guest has none.
          control.quit()
        }
      }
      result = try recorder.run()
      thread.join()
      self.problem = problem.withLock { $0 }
    }

    func notes() throws -> [String] {
      let cursor = try ReplayLogReader(opening: recording.logPath).makeCursor()
      var notes: [String] = []
      while let event = try cursor.next() {
        if case .note(let text) = event.payload { notes.append(text) }
      }
      return notes
    }

    func expectSameReplay(sourceLocation: SourceLocation = #_sourceLocation) throws {
      let replayed = KeptOutput()
      let timeline = try Timeline(recording, console: replayed)
      guard case .end = try timeline.run() else {
        Issue.record("the replay did not come to the end", sourceLocation: sourceLocation)
        return
      }
      #expect(replayed.text == output.text, sourceLocation: sourceLocation)
      #expect(timeline.now.position == result.ending.position, sourceLocation: sourceLocation)
      #expect(timeline.now.time == result.ending.time, sourceLocation: sourceLocation)
    }
  }

  private final class ProblemBox: Sendable {
    private let problem = Mutex<Failure?>(nil)
    var value: Failure? { problem.withLock { $0 } }
    func set(_ failure: Failure) { problem.withLock { $0 = failure } }
  }

  /// Looks and pauses, as many as there is time for: the run is the one that nobody looks at.
  @Test(arguments: [false, true]) func looksAndPausesAreInvisible(sleeps: Bool) throws {
    for name in sleeps ? ["idle"] : ["counter", "idle"] {
      let alone = try RecordedGuest(name)
      let positions = Counter()
      let watched = try Controlled(name, sleeps: sleeps, isPaused: true) { control, _ in
        for round in 0..<10_000 {
          guard control.state != .shutdown else { return }
          do {
            if round % 3 == 0 { try control.pause() }
            positions.add(try control.perform { run in run.machine.now.position })
            try control.resume()
          } catch  where control.state == .shutdown {
            return
          }
        }
      }
      #expect(watched.problem == nil)
      #expect(positions.count > 0, "the run was over before anybody looked")
      #expect(watched.result.ending.position == alone.result.ending.position)
      #expect(watched.result.ending.time == alone.result.ending.time, "paused time passed in the guest")
      #expect(watched.output.text == alone.output.text)
      try watched.expectSameReplay()
    }
  }

  /// A machine that is looked at while it idles is where a replay finds it at that position.
  @Test func anIdleMachineIsSeenAsItWillBeReplayed() throws {
    let seen = Seen()
    let watched = try Controlled("echo", sleeps: true) { control, output in
      // Then it takes input.
      try waitUntil("the guest greets") { output.text.contains("quit ends") }
      var position: UInt64 = 0
      while true {
        let next = try control.perform { run in run.machine.now.position }
        if next == position { break }
        position = next
        usleep(20_000)
      }
      seen.set(try control.perform { run in (run.machine.now, run.machine.digests()) })
      control.inbox.offer(.consoleInput(Array("quit\n".utf8)))
    }
    #expect(watched.problem == nil)
    let (moment, digests) = try #require(seen.value)
    let timeline = try Timeline(watched.recording)
    #expect(try timeline.run(until: moment.position) == .position)
    #expect(timeline.now == moment)
    #expect(timeline.machine.digests() == digests)
    try watched.expectSameReplay()
  }

  /// Input keeps arriving while somebody looks: at each position that was looked at, a replay that goes there finds the same.
  @Test func aBusyMachineIsSeenAsItWillBeReplayed() throws {
    let looks = Mutex<[(Moment, [UInt64])]>([])
    let watched = try Controlled("echo") { control, _ in
      for round in 0..<300 {
        // At the same time, so that both wait when the machine looks.
        control.inbox.offer(.consoleInput(Array("line \(round)\n".utf8)))
        let look = try control.perform { run in (run.machine.now, run.machine.digests()) }
        looks.withLock { $0.append(look) }
      }
      control.quit()
    }
    #expect(watched.problem == nil)
    let timeline = try Timeline(watched.recording)
    for (moment, digests) in looks.withLock({ $0 }) {
      try timeline.run(until: moment.position)
      #expect(timeline.now == moment)
      #expect(timeline.machine.digests() == digests, "at position \(moment.position)")
    }
    try watched.expectSameReplay()
  }

  @Test func whatArrivesDuringAPauseWaits() throws {
    let watched = try Controlled("echo", sleeps: true) { control, output in
      try waitUntil("the guest greets") { output.text.contains("quit ends") }
      try control.pause()
      let here = try control.perform { run in run.machine.now }
      control.inbox.offer(.consoleInput(Array("while paused\nquit\n".utf8)))
      usleep(30_000)
      let later = try control.perform { run in run.machine.now }
      guard here == later else { throw Failure(.host, "pause", "the machine went on", remedy: "") }
      try control.resume()
    }
    #expect(watched.problem == nil)
    #expect(watched.output.text.contains("WHILE PAUSED"))
    #expect(try watched.notes() == ["monitor: stop", "monitor: cont"])
    #expect(
      watched.heard.events == [.stopped, .resumed, .shutdown(byGuest: true, reason: "guest-shutdown")])
    try watched.expectSameReplay()
  }

  @Test func startsPaused() throws {
    let watched = try Controlled("hello", isPaused: true) { control, _ in
      guard control.state == .prelaunch, try control.perform({ run in run.machine.now }) == .start else {
        throw Failure(.host, "start", "the machine is under way", remedy: "")
      }
      try control.resume()
    }
    #expect(watched.problem == nil)
    #expect(watched.heard.events.first == .resumed)
    #expect(watched.result.ending.reason == .poweredOff)
  }

  /// A reset and the power button are events of the recording, and happen again in its replay.
  @Test func buttonsAreReplayed() throws {
    let watched = try Controlled("echo", sleeps: true) { control, output in
      try waitUntil("the guest greets") { output.text.contains("quit ends") }
      control.inbox.offer(.consoleInput(Array("first\n".utf8)))
      try control.reset()
      // Input of before a reset is lost with the serial port's other state.
      try waitUntil("it greets again") { output.text.components(separatedBy: "quit ends").count == 3 }
      control.inbox.offer(.consoleInput(Array("second\n".utf8)))
      try waitUntil("it answers") { output.text.contains("SECOND") }
      try control.powerDown()
    }
    #expect(watched.problem == nil)
    #expect(watched.output.text.contains("SECOND"))
    #expect(watched.output.text.components(separatedBy: "echo: type lines").count == 3)
    #expect(watched.result.ending.reason == .poweredOff)
    #expect(try watched.notes() == ["monitor: system_reset", "monitor: system_powerdown"])
    #expect(
      watched.heard.events == [
        .reset(byGuest: false), .poweredDown, .shutdown(byGuest: false, reason: "host-ui"),
      ])
    try watched.expectSameReplay()

    // Who watches a replay hears of the reset when it comes by, also the second time.
    let heard = Heard()
    let control = RunControl(inbox: Inbox())
    control.observe { event in heard.add(event) }
    let run = ReplayRun(
      try Timeline(watched.recording), until: nil, staysAtEnd: false, control: control)
    _ = try run.run()
    try run.timeline.seek(to: 0)
    try run.timeline.run()
    #expect(heard.events.count { $0 == .reset(byGuest: false) } == 2)
  }

  /// A snapshot is a job like a dump, and the guest stands still for its moment.
  @Test func aSnapshotIsAJob() throws {
    let folder = TestFolder()
    let path = folder.file("core")
    let watched = try Controlled("echo", sleeps: true) { control, output in
      // It has left the position of the first snapshot.
      try waitUntil("the guest greets") { output.text.contains("quit ends") }
      let jobs = GuestJobs(control)
      try jobs.saveSnapshot("one")
      guard jobs.state.status.kind == .snapshot, jobs.state.status.phase == .completed else {
        throw Failure(.host, "snapshot", "is no job: \(jobs.state.status)", remedy: "")
      }
      jobs.state.bandwidthLimit = 1
      try jobs.dump(DumpRequest(path: path), detach: true)
      do throws(Failure) {
        try jobs.saveSnapshot("two")
        throw Failure(.host, "snapshot", "was saved during a dump", remedy: "")
      } catch {
        guard error.kind == .busy else { throw error }
      }
      jobs.state.cancel()
      jobs.state.waitUntilIdle()
      do throws(Failure) {
        try jobs.saveSnapshot("one")
        throw Failure(.host, "snapshot", "was saved twice", remedy: "")
      } catch {
        guard jobs.state.status.phase == .failed(error) else { throw error }
      }
      control.quit()
    }
    #expect(watched.problem == nil)
    #expect(folder.names == [])
    #expect(
      watched.heard.events == [
        .stopped, .resumed, .stopped, .resumed, .shutdown(byGuest: false, reason: "host-qmp-quit"),
      ])
    #expect(try SnapshotStore(watched.recording).list().map(\.name) == ["replay_init", "one"])
  }

  @Test(arguments: [false, true]) func quitsAlsoWhilePaused(isPaused: Bool) throws {
    let watched = try Controlled("echo", sleeps: true) { control, _ in
      if isPaused { try control.pause() }
      control.quit()
    }
    #expect(watched.problem == nil)
    #expect(watched.result.ending.reason == .interrupted)
    #expect(watched.heard.events.last == .shutdown(byGuest: false, reason: "host-qmp-quit"))
    try watched.expectSameReplay()
  }

  /// Whoever asks when the run is over is told so, and waits for nothing.
  @Test func nothingIsServedAfterTheEnd() throws {
    let watched = try Controlled("hello") { control, _ in
      do throws(Failure) {
        while true { try control.perform { _ in } }
      } catch {
        guard control.state == .shutdown else { throw error }
      }
    }
    #expect(watched.problem == nil)
    #expect(watched.result.ending.reason == .poweredOff)
  }

  @Test func aReplayGoesWhereItIsTold() throws {
    let recorded = try RecordedGuest("counter")
    let end = recorded.result.ending.position
    let alone = try Timeline(recorded.recording)
    var expected: [UInt64: [UInt64]] = [:]
    for position in [1_000_003, 3_000_000] as [UInt64] {
      try alone.run(until: position)
      expected[position] = alone.machine.digests()
    }

    let inbox = Inbox()
    let control = RunControl(inbox: inbox, isPaused: true)
    let stops = Stops()
    control.observe { event in if event == .stopped { stops.add() } }
    let run = ReplayRun(
      try Timeline(recorded.recording), until: nil, staysAtEnd: true, control: control)
    let box = ProblemBox()
    let places = Places()
    let thread = HostThread {
      do throws(Failure) {
        func look() throws(Failure) {
          let (position, digests) = try control.perform { run in
            (run.machine.now.position, run.machine.digests())
          }
          places.add(position, digests)
        }
        // A seek sets the replay going by itself.
        func replay(
          resumes: Bool = false, _ body: @escaping @Sendable (any ReplayControl) throws(Failure) -> Void
        ) throws(Failure) {
          let before = stops.count
          try control.perform { (run) throws(Failure) in try body(run.replay!) }
          if resumes { try control.resume() }
          try stops.wait(for: before + 1)
          try look()
        }
        try replay(resumes: true) { (replay) throws(Failure) in try replay.setBreak(at: 1_000_003) }
        try replay { (replay) throws(Failure) in try replay.seek(to: 3_000_000) }
        try replay { (replay) throws(Failure) in try replay.seek(to: 1_000_003) }
        try replay(resumes: true) { _ in }
        try replay { (replay) throws(Failure) in try replay.seek(to: 3_000_000) }
        for wrong in [end + 1, .max] {
          do throws(Failure) {
            try control.perform { (run) throws(Failure) in try run.replay!.seek(to: wrong) }
            box.set(Failure(.host, "seek", "went beyond the end", remedy: ""))
          } catch {}
        }
        do throws(Failure) {
          try control.reset()
          box.set(Failure(.host, "reset", "happened in a replay", remedy: ""))
        } catch {}
      } catch {
        box.set(error)
      }
      control.quit()
    }
    _ = try run.run()
    thread.join()
    #expect(box.value == nil)
    #expect(places.positions == [1_000_003, 3_000_000, 1_000_003, end, 3_000_000])
    #expect(places.digests[0] == expected[1_000_003])
    #expect(places.digests[1] == expected[3_000_000])
    #expect(places.digests[2] == expected[1_000_003])
    #expect(places.digests[4] == expected[3_000_000])
  }

  // MARK: What threads share

  private final class Counter: Sendable {
    private let values = Mutex(0)
    var count: Int { values.withLock { $0 } }
    func add(_ value: UInt64) { values.withLock { $0 += 1 } }
  }

  private final class Seen: Sendable {
    private let state = Mutex<(Moment, [UInt64])?>(nil)
    var value: (Moment, [UInt64])? { state.withLock { $0 } }
    func set(_ value: (Moment, [UInt64])) { state.withLock { $0 = value } }
  }

  private final class Places: Sendable {
    private let list = Mutex<[(UInt64, [UInt64])]>([])
    var positions: [UInt64] { list.withLock { $0.map(\.0) } }
    var digests: [[UInt64]] { list.withLock { $0.map(\.1) } }
    func add(_ position: UInt64, _ digests: [UInt64]) { list.withLock { $0.append((position, digests)) } }
  }

  private final class Stops: @unchecked Sendable {
    // Sendable: `number` is touched with `lock` held.
    private let lock = ConditionLock()
    private var number = 0
    var count: Int { lock.withLock { number } }
    func add() {
      lock.withLock {
        number += 1
        lock.wakeAll()
      }
    }
    func wait(for count: Int) throws(Failure) {
      let deadline = HostClock.monotonic() + 60_000_000_000
      let isThere = lock.withLock {
        while number < count, HostClock.monotonic() < deadline { lock.wait(until: deadline) }
        return number >= count
      }
      guard isThere else { throw Failure(.host, "replay", "does not stop", remedy: "") }
    }
  }
}
