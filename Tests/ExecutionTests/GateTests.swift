// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import Execution
import ReplayLog
import RunSupport
import Testing

/// The recording gate and the replay gate against each other, without a real machine.
@Suite struct GateTests {
  private static let script: [ScriptedMachine.Step] = [
    .compute(25), .print("boot\n"), .readClock, .readEntropy(5), .compute(100),
    .request(BlockRequest(drive: 0, id: 1, sector: 2, operation: .read(byteCount: 1024))),
    .request(
      BlockRequest(drive: 0, id: 2, sector: 3, operation: .write([UInt8](repeating: 9, count: 512)))),
    .wait(nil), .print("no end of line"), .readClock, .wait(5_000), .compute(40), .print("last\n"),
    .request(BlockRequest(drive: 0, id: 3, sector: 3, operation: .read(byteCount: 512))), .wait(nil),
    .compute(3),
  ]

  private static var sectors23: [UInt8] {
    [UInt8](repeating: 2, count: 512) + [UInt8](repeating: 3, count: 512)
  }

  /// A recording of the script; the events, and what the machine heard.
  private func record() -> (events: [LogEvent], heard: [String], end: Moment) {
    let outside = ScriptedOutside(arrivals: [
      (3, .consoleInput(Array("x".utf8))),
      (0, .blockCompletion(BlockCompletion(drive: 0, id: 2, succeeded: true, data: []))),
      (0, .blockCompletion(BlockCompletion(drive: 0, id: 1, succeeded: true, data: Self.sectors23))),
      (1, .consoleInput(Array("yz".utf8))),
      (
        0,
        .blockCompletion(
          BlockCompletion(drive: 0, id: 3, succeeded: true, data: [UInt8](repeating: 9, count: 512)))
      ),
    ])
    let log = EventList()
    let gate = RecordingGate(recording: outside, into: log)
    let machine = ScriptedMachine(Self.script, gate: gate)
    #expect(machine.run())
    #expect(outside.arrivals.isEmpty, "the script is to take every arrival")
    gate.note(.end(.limit), at: machine.now)
    return (log.events, machine.heard, machine.now)
  }

  private func replay(_ events: [LogEvent]) throws -> (
    gate: ReplayGate, machine: ScriptedMachine, output: KeptOutput
  ) {
    let output = KeptOutput()
    let gate = try ReplayGate(
      source: EventList(events), matchedOutput: 0,
      drives: ReplayDrives(storage: [MemoryDrive(sectorCount: 16)]), console: output)
    let machine = ScriptedMachine(Self.script, gate: gate)
    gate.machine = machine
    return (gate, machine, output)
  }

  @Test func aReplayHearsWhatWasRecorded() throws {
    let (events, heard, end) = record()
    let (gate, machine, output) = try replay(events)
    machine.run()
    #expect(machine.heard == heard)
    #expect(machine.now == end)
    #expect(gate.stopReason == nil)
    #expect(gate.meetEnd(nil, at: machine.now) == .limit)
    gate.flushConsole()
    #expect(output.text == "boot\nno end of linelast\n")
  }

  @Test func cuttingARunIntoSlicesChangesNothing() throws {
    let (events, heard, end) = record()
    for slice in [1, 7, 10, 64] as [UInt64] {
      let (gate, machine, _) = try replay(events)
      while machine.now.position < end.position {
        let before = machine.now.position
        machine.run(until: before + slice)
        try #require(machine.now.position > before || gate.stopReason != nil, "slice \(slice)")
        if gate.stopReason != nil { break }
      }
      #expect(machine.heard == heard, "slice \(slice)")
      #expect(gate.stopReason == nil, "slice \(slice)")
    }
  }

  @Test func outputIsOneEventALineAndComesBeforeWhatFollows() {
    let outputs = record().events.compactMap { event -> String? in
      guard case .consoleOutput(let bytes) = event.payload else { return nil }
      return String(decoding: bytes, as: UTF8.self)
    }
    #expect(outputs == ["boot\n", "no end of line", "last\n"])
  }

  /// Every event changed in turn: the replay must stop there, and nowhere later.
  @Test func everyChangedEventIsFound() throws {
    let (events, _, _) = record()
    for index in events.indices {
      var tampered = events
      let changed: LogPayload
      switch events[index].payload {
      case .consoleOutput(var bytes):
        bytes[bytes.count - 1] ^= 1
        changed = .consoleOutput(bytes)
      case .blockRequest(var request):
        request.sector += 1
        changed = .blockRequest(request)
      case .blockCompletion(var completion):
        completion.id += 50
        changed = .blockCompletion(completion)
      // These bring other values in, which only a digest can show; a machine that reads another kind does.
      case .clockRead: changed = .entropyRead([1])
      case .entropyRead: changed = .clockRead(nanoseconds: 1)
      default: continue
      }
      tampered[index].payload = changed
      let (gate, machine, _) = try replay(tampered)
      machine.run()
      guard case .diverged(let divergence)? = gate.stopReason else {
        Issue.record("event \(index) was changed, and the replay did not see it")
        continue
      }
      #expect(divergence.eventNumber == UInt64(index))
      #expect(
        divergence.programCounter == machine.programCounter(hart: 0) || divergence.moment <= machine.now)
      #expect(divergence.description.contains("position \(divergence.moment.position)"))
    }
  }

  /// An arrival at another place than the machine's own stops leave it to: too early or late by one instruction.
  @Test func aShiftedRequestIsFound() throws {
    let (events, _, _) = record()
    let index = try #require(events.firstIndex { $0.payload.kind == .blockRequest })
    var tampered = events
    tampered[index].moment.position += 1
    let (gate, machine, _) = try replay(tampered)
    machine.run()
    guard case .diverged(let divergence)? = gate.stopReason else {
      Issue.record("not seen")
      return
    }
    #expect(divergence.eventNumber == UInt64(index))
    #expect(divergence.found.contains("request 1"))
  }

  @Test func aLogThatEndsEarlyIsFollowedToItsLastEvent() throws {
    let (events, _, _) = record()
    for count in 1..<events.count {
      let (gate, machine, _) = try replay(Array(events[..<count]))
      machine.run()
      #expect(gate.stopReason == .logExhausted, "after \(count) events")
      #expect(machine.now.position >= events[count - 1].position)
    }
  }

  @Test func digestsAreComparedByComponent() throws {
    let moment = LogMoment(position: 0, time: 0)
    let (gate, machine, _) = try replay([
      LogEvent(number: 0, moment: moment, payload: .digest([1, 2, 3]), byteCount: 1),
      LogEvent(number: 1, moment: moment, payload: .end(.limit), byteCount: 1),
    ])
    withExtendedLifetime(machine) {
      gate.meetDigests([1, 9, 3], names: ["hart0", "uart", "memory"], at: .start)
    }
    guard case .diverged(let divergence)? = gate.stopReason else {
      Issue.record("not seen")
      return
    }
    #expect(divergence.components == ["uart"])
    #expect(divergence.found.contains("uart"))
  }

  @Test func aFailedReadFailsAgain() throws {
    let script: [ScriptedMachine.Step] = [
      .request(BlockRequest(drive: 0, id: 1, sector: 2, operation: .read(byteCount: 512))), .wait(nil),
      .compute(5),
    ]
    let outside = ScriptedOutside(arrivals: [
      (1, .blockCompletion(BlockCompletion(drive: 0, id: 1, succeeded: false, data: [])))
    ])
    let log = EventList()
    let recorded = ScriptedMachine(script, gate: RecordingGate(recording: outside, into: log))
    recorded.run()
    log.append(.end(.limit), at: LogMoment(recorded.now))
    let gate = try ReplayGate(
      source: log, matchedOutput: 0, drives: ReplayDrives(storage: [MemoryDrive(sectorCount: 16)]),
      console: NullConsoleOutput())
    let machine = ScriptedMachine(script, gate: gate)
    gate.machine = machine
    machine.run()
    #expect(machine.heard == recorded.heard)
    #expect(gate.stopReason == nil)
  }

  // MARK: Frames

  private static func frame(_ byte: UInt8, count: Int = 60) -> NetworkFrame {
    NetworkFrame(interface: 1, bytes: [UInt8](repeating: byte, count: count))
  }

  private static let talk: [ScriptedMachine.Step] = [
    .compute(5), .send(frame(1)), .wait(nil), .compute(7), .send(frame(2, count: 1514)), .wait(9_000),
    .compute(3),
  ]

  private func recordTalk(digestsFrames: [Bool] = []) -> (log: EventList, heard: [String]) {
    let outside = ScriptedOutside(arrivals: [
      (1, .frame(Self.frame(3))), (0, .link(interface: 1, isUp: false)),
      (0, .frame(Self.frame(4, count: 32_768))),
    ])
    let log = EventList()
    let machine = ScriptedMachine(
      Self.talk, gate: RecordingGate(recording: outside, into: log, digestsFrames: digestsFrames))
    #expect(machine.run())
    #expect(outside.arrivals.isEmpty)
    log.append(.end(.limit), at: LogMoment(machine.now))
    return (log, machine.heard)
  }

  private func replayTalk(_ log: EventList, _ script: [ScriptedMachine.Step]) throws -> (
    heard: [String], stop: ReplayGate.StopReason?
  ) {
    let gate = try ReplayGate(
      source: EventList(log.events), matchedOutput: 0, drives: ReplayDrives(storage: []),
      console: NullConsoleOutput())
    let machine = ScriptedMachine(script, gate: gate)
    gate.machine = machine
    machine.run()
    return (machine.heard, gate.stopReason)
  }

  /// Whole and as digests, what is sent is the same again.
  @Test(arguments: [false, true]) func framesComeAgain(digests: Bool) throws {
    let (log, heard) = recordTalk(digestsFrames: [false, digests])
    #expect(heard.count == 3)
    let contents = log.events.compactMap { event in
      if case .frameOutput(let frame) = event.payload { frame } else { nil }
    }
    #expect(contents.map(\.byteCount) == [60, 1514])
    #expect(contents.allSatisfy { if case .digest = $0.content { digests } else { !digests } })
    let replayed = try replayTalk(log, Self.talk)
    #expect(replayed.heard == heard)
    #expect(replayed.stop == nil)
  }

  @Test(arguments: [false, true]) func anotherFrameIsADivergence(digests: Bool) throws {
    let (log, _) = recordTalk(digestsFrames: [false, digests])
    var script = Self.talk
    script[1] = .send(Self.frame(7))
    guard case .diverged(let divergence)? = try replayTalk(log, script).stop else {
      Issue.record("it went on")
      return
    }
    #expect(divergence.expected.contains("a frame of 60 bytes from net1"))
    #expect(divergence.found == "a frame of 60 bytes from net1 with other content")
    script[1] = .compute(1)
    guard case .diverged? = try replayTalk(log, script).stop else {
      Issue.record("it went on without")
      return
    }
  }
}
