// SPDX-License-Identifier: Apache-2.0

import Emulator
import Execution
import RecordingStore
import ReplayLog
import RunSupport
import TestSupport
import Testing
import TimeTravel

/// Real guests on the real machine: what was recorded comes back, and what is not the same is found.
@Suite struct RecordAndReplayTests {
  private func blankDrive(_ folder: TestFolder) -> [DriveOptions] {
    [DriveOptions(source: .blank(size: 1 << 20))]
  }

  @Test(arguments: ["hello", "counter", "idle", "selfmodify", "traps", "firmware"])
  func aGuestComesBack(name: String) throws {
    let recorded = try RecordedGuest(name)
    #expect(recorded.result.ending.reason == .poweredOff)
    let replayed = try recorded.replay()
    #expect(replayed.stop == .end(.poweredOff(status: recorded.result.ending.status)))
    #expect(replayed.output == recorded.output.text)
    #expect(
      replayed.end == Moment(position: recorded.result.ending.position, time: recorded.result.ending.time))
    #expect(try recorded.recording.manifest.state == .complete)
  }

  @Test func inputArrivesWhereItArrived() throws {
    let recorded = try RecordedGuest("echo", input: "hello\nworld\nquit\n", sleeps: true)
    #expect(recorded.output.text.contains("WORLD"))
    let first = try recorded.replay()
    let second = try recorded.replay()
    #expect(first.output == recorded.output.text)
    #expect(first.digests == second.digests)
    #expect(first.end == second.end)
  }

  /// Console and end of a program that speaks to its host through memory.
  @Test func hostInterfaceComesBack() throws {
    let recorded = try RecordedGuest("htif", harts: 2, input: "hello\nworld\nquit\n", digestInterval: 10_000)
    #expect(recorded.result.ending.status == 3)
    #expect(recorded.output.text == "htif: type lines, quit ends\nHELLO\nWORLD\n")
    let replayed = try recorded.replay()
    #expect(replayed.stop == .end(.poweredOff(status: 3)))
    #expect(replayed.output == recorded.output.text)
  }

  /// Console, clock and end by semihosting; the manifest says that there is some.
  @Test func semihostingComesBack() throws {
    let recorded = try RecordedGuest(
      "semihosting", harts: 2, input: "hello\nworld\nquit\n", digestInterval: 100, semihosting: "a guest")
    #expect(recorded.result.ending.status == 5)
    #expect(recorded.output.text == "semihosting: type lines, quit ends\nHELLO\nWORLD\n")
    #expect(try recorded.recording.manifest.machine.semihosting == "a guest")
    let replayed = try recorded.replay()
    #expect(replayed.stop == .end(.poweredOff(status: 5)))
    #expect(replayed.output == recorded.output.text)
  }

  @Test(arguments: [1, 2, 4]) func hartsTakeTheSameTurns(harts: Int) throws {
    let recorded = try RecordedGuest("smp", harts: harts)
    #expect(recorded.result.ending.status == 0)
    #expect(try recorded.replay().output == recorded.output.text)
  }

  @Test(arguments: [false, true]) func disksAnswerAsTheyDid(sleeps: Bool) throws {
    let recorded = try RecordedGuest("diskcheck", sleeps: sleeps, drives: blankDrive)
    #expect(recorded.result.ending.status == 0, "\(recorded.output.text)")
    #expect(try recorded.replay().output == recorded.output.text)
    let check = try runProgram(["qemu-img", "check", recorded.path + "/disk0.qcow2"])
    #expect(check.status == 0, "\(check.everything)")
  }

  @Test func theLedgerIsTheSameEveryTime() throws {
    let recorded = try RecordedGuest("ledger", harts: 2, digestInterval: 500_000, drives: blankDrive)
    let first = try recorded.replay()
    #expect(first.output == recorded.output.text)
    #expect(try recorded.replay().digests == first.digests)
  }

  /// Both engines are the same machine: a run of one is replayed by the other, digest by digest.
  @Test(arguments: Machine.Engine.allCases) func anyEngineReplaysARecording(engine: Machine.Engine) throws {
    let recorded = try RecordedGuest("ledger", harts: 2, digestInterval: 100_000, drives: blankDrive)
    let timeline = try Timeline(recorded.recording, engine: engine)
    #expect(try timeline.run() == .end(.poweredOff(status: recorded.result.ending.status)))
  }

  @Test func aLimitEndsWhereItSays() throws {
    let recorded = try RecordedGuest("counter", limit: 300_000, digestInterval: 100_000)
    #expect(recorded.result.ending.reason == .limit)
    #expect(recorded.result.ending.position == 300_000)
    let replayed = try recorded.replay()
    #expect(replayed.stop == .end(.limit))
    #expect(replayed.end.position == 300_000)
  }

  @Test func aGuestThatWaitsForEverIsTold() throws {
    // Nothing is attached that could send a line.
    let recorded = try RecordedGuest("echo")
    #expect(recorded.result.ending.reason == .idleForever)
    #expect(try recorded.replay().stop == .end(.stalled))
  }

  // MARK: Divergence

  private func divergence(of recorded: RecordedGuest) -> Divergence? {
    do {
      _ = try recorded.replay()
    } catch ReplayError.diverged(let divergence) {
      return divergence
    } catch {
      Issue.record("\(error)")
    }
    return nil
  }

  @Test func changedInputIsFound() throws {
    let recorded = try RecordedGuest("echo", input: "hello\nquit\n", sleeps: true)
    try recorded.rewriteLog { events in
      let index = try #require(events.firstIndex { $0.payload.kind == .consoleInput })
      guard case .consoleInput(var bytes) = events[index].payload else { return }
      bytes[0] = UInt8(ascii: "j")
      events[index].payload = .consoleInput(bytes)
    }
    let found = divergence(of: recorded)
    let divergence = try #require(found)
    #expect(divergence.expected.contains("console output") || !divergence.components.isEmpty)
  }

  @Test func inputAMomentLaterIsFound() throws {
    let recorded = try RecordedGuest("echo", input: "hello\nquit\n", sleeps: true)
    try recorded.rewriteLog { events in
      let index = try #require(events.firstIndex { $0.payload.kind == .consoleInput })
      // All that follows comes later by the same time, so that the log itself is in order.
      for later in index..<events.count { events[later].moment.time += 8 }
    }
    #expect(divergence(of: recorded) != nil)
  }

  @Test func aChangedDigestNamesTheComponent() throws {
    let recorded = try RecordedGuest("counter", digestInterval: 100_000)
    var names: [String] = []
    try recorded.rewriteLog { events in
      names = try ReplayLogReader(opening: recorded.recording.logPath).header.digestComponents
      let index = try #require(events.firstIndex { $0.payload.kind == .digest && $0.position == 200_000 })
      guard case .digest(var values) = events[index].payload else { return }
      values[1] ^= 1
      events[index].payload = .digest(values)
    }
    let found = divergence(of: recorded)
    let divergence = try #require(found)
    #expect(divergence.moment.position == 200_000)
    #expect(divergence.components == [names[1]])
  }

  @Test func aKilledRecorderLeavesWhatItLogged() throws {
    let recorded = try RecordedGuest("ledger", harts: 2, drives: blankDrive)
    var last: LogEvent?
    try recorded.rewriteLog(closing: false) { events in
      events.removeLast(events.count / 2)
      last = events.last
    }
    let replayed = try recorded.replay()
    #expect(replayed.stop == .incomplete)
    #expect(replayed.end.position >= (try #require(last)).position)
    #expect(recorded.output.text.hasPrefix(replayed.output))
  }
}
