// SPDX-License-Identifier: Apache-2.0

import Emulator
import Execution
import HostSystem
import RunSupport
import Testing

/// The gate to the real outside: drives on their threads, the inbox, idle time.
@Suite struct LiveGateTests {
  /// A drive on which nothing can be written, and one sector cannot be read.
  private final class BadDrive: DriveStorage {
    static let failure = Failure(.host, "bad drive", "is full", remedy: "make room")
    func read(sector: UInt64, byteCount: Int) throws(Failure) -> [UInt8] {
      if sector == 1 { throw Self.failure }
      return [UInt8](repeating: 5, count: byteCount)
    }
    func write(sector: UInt64, _ data: [UInt8]) throws(Failure) { throw Self.failure }
    func zero(sector: UInt64, sectorCount: UInt64) throws(Failure) { throw Self.failure }
    func flush() throws(Failure) {}
  }

  private final class Control: MachineControl {
    var stops = 0
    let currentHart = 0
    var consoleInputRoom = Int.max
    var frameRooms: [FrameRoom] = []
    func frameRoom(interface: Int) -> FrameRoom { frameRooms[interface] }
    func requestStop() { stops += 1 }
    func programCounter(hart: Int) -> UInt64 { 0 }
  }

  private let here = Moment(position: 1000, time: 8000)

  private func request(_ id: UInt64, sector: UInt64, _ operation: BlockRequest.Operation) -> BlockRequest {
    BlockRequest(drive: 0, id: id, sector: sector, operation: operation)
  }

  @Test func aDriveAnswersInOrderAndAFailedReadIsTheGuests() {
    let inbox = Inbox()
    let worker = BlockWorker(storage: BadDrive(), inbox: inbox)
    let gate = LiveGate(inbox: inbox, drives: [worker], console: NullConsoleOutput(), sleeps: false)
    for id in 0..<20 as Range<UInt64> {
      gate.blockRequest(request(id, sector: id % 2, .read(byteCount: 512)), at: here)
    }
    worker.finish()
    for id in 0..<20 as Range<UInt64> {
      let succeeded = id % 2 == 0
      #expect(
        gate.takeArrival(at: here)
          == .blockCompletion(
            BlockCompletion(
              drive: 0, id: id, succeeded: succeeded, data: succeeded ? [UInt8](repeating: 5, count: 512) : []
            )))
    }
    #expect(gate.takeArrival(at: here) == nil)
    #expect(gate.stopReason == nil)
  }

  @Test func aFailedWriteEndsTheRun() {
    let inbox = Inbox()
    let worker = BlockWorker(storage: BadDrive(), inbox: inbox)
    let gate = LiveGate(inbox: inbox, drives: [worker], console: NullConsoleOutput(), sleeps: false)
    let machine = Control()
    gate.machine = machine
    gate.blockRequest(request(1, sector: 0, .write([UInt8](repeating: 0, count: 512))), at: here)
    worker.finish()
    #expect(gate.takeArrival(at: here) == nil)
    #expect(gate.stopReason == .failed(BadDrive.failure))
    #expect(machine.stops == 1)
  }

  @Test func withoutSleepTimeJumpsToTheTimer() {
    let gate = LiveGate(inbox: Inbox(), drives: [], console: NullConsoleOutput(), sleeps: false)
    let began = HostClock.monotonic()
    #expect(gate.idle(at: here, until: 3_600_000_000_000) == .wake(time: 3_600_000_000_000))
    #expect(HostClock.monotonic() - began < 60_000_000_000)
  }

  @Test func withSleepTimePassesAsTheHosts() {
    let gate = LiveGate(inbox: Inbox(), drives: [], console: NullConsoleOutput(), sleeps: true)
    let began = HostClock.monotonic()
    #expect(gate.idle(at: here, until: here.time + 30_000_000) == .wake(time: here.time + 30_000_000))
    #expect(HostClock.monotonic() - began >= 30_000_000)
  }

  /// The moment of an arrival that ends idleness must tell a replay that the machine was idle.
  @Test(arguments: [false, true]) func anArrivalWakesLaterThanIdlenessBegan(sleeps: Bool) throws {
    let inbox = Inbox()
    let gate = LiveGate(inbox: inbox, drives: [], console: NullConsoleOutput(), sleeps: sleeps)
    inbox.offer(.consoleInput([65]))
    guard case .wake(let time) = gate.idle(at: here, until: here.time + 1_000_000_000) else {
      Issue.record("stopped")
      return
    }
    #expect(time > here.time && time < here.time + 1_000_000_000)
    #expect(gate.takeArrival(at: Moment(position: here.position, time: time)) == .consoleInput([65]))
  }

  @Test func withoutTimerAndSourceNothingWillCome() {
    let gate = LiveGate(inbox: Inbox(), drives: [], console: NullConsoleOutput(), sleeps: true)
    #expect(gate.idle(at: here, until: nil) == .stop)
    #expect(gate.stopReason == .idleForever)
  }

  @Test func theUserEndsARunThatWaits() {
    let inbox = Inbox()
    inbox.openSource()
    let gate = LiveGate(inbox: inbox, drives: [], console: NullConsoleOutput(), sleeps: true)
    inbox.onOwnThread { inbox.requestStop() }
    guard case .wake(let time) = gate.idle(at: here, until: nil) else {
      Issue.record("stopped at once")
      return
    }
    #expect(gate.takeArrival(at: Moment(position: here.position, time: time)) == nil)
    #expect(gate.stopReason == .interrupted)
  }

  @Test func outputComesALineAtATimeAndBeforeIdleness() {
    let output = KeptOutput()
    let gate = LiveGate(inbox: Inbox(), drives: [], console: output, sleeps: false)
    for byte in "line\nprompt> ".utf8 { gate.consoleOutput(byte, at: here) }
    #expect(output.text == "line\n")
    _ = gate.idle(at: here, until: here.time)
    #expect(output.text == "line\nprompt> ")
  }

  /// A prompt is shown to whoever waits for it although the guest goes on polling.
  @Test func aPromptIsShownWhileTheGuestPolls() {
    let output = KeptOutput()
    let gate = LiveGate(inbox: Inbox(), drives: [], console: output, sleeps: false)
    for byte in "=> ".utf8 { gate.consoleOutput(byte, at: here) }
    for count in 1...3 as ClosedRange<UInt64> {
      #expect(gate.takeArrival(at: Moment(position: here.position + count * 200_000, time: here.time)) == nil)
    }
    #expect(output.text == "=> ")
  }

  /// What the machine has no room for waits outside, and keeps nothing else from coming, nor the machine from being idle.
  @Test func inputWaitsUntilTheMachineHasRoom() {
    let inbox = Inbox()
    let gate = LiveGate(inbox: inbox, drives: [], console: NullConsoleOutput(), sleeps: false)
    let machine = Control()
    gate.machine = machine
    inbox.offer(.consoleInput([1, 2, 3]))
    inbox.offer(.reset)
    machine.consoleInputRoom = 2
    #expect(gate.takeArrival(at: here) == .consoleInput([1, 2]))
    machine.consoleInputRoom = 0
    #expect(gate.takeArrival(at: here) == .reset)
    #expect(gate.takeArrival(at: here) == nil)
    #expect(!inbox.hasNews)
    inbox.offer(.consoleInput([4]))
    #expect(!inbox.hasNews && gate.nextPoll(after: here) > here.position + 1)
    #expect(gate.idle(at: here, until: here.time + 100) == .wake(time: here.time + 100))
    machine.consoleInputRoom = 1
    #expect(gate.takeArrival(at: here) == nil, "one byte at a time would be slow")
    machine.consoleInputRoom = .max
    #expect(gate.takeArrival(at: here) == .consoleInput([3, 4]))
    #expect(gate.takeArrival(at: here) == nil)
  }

  /// A source that waits for a machine that takes nothing more brings nothing more.
  @Test func aMachineThatTakesNoInputIsIdleForEver() throws {
    let inbox = Inbox()
    let gate = LiveGate(inbox: inbox, drives: [], console: NullConsoleOutput(), sleeps: false)
    let machine = Control()
    gate.machine = machine
    machine.consoleInputRoom = 0
    inbox.serveInput { offer in
      for _ in 0..<10 { offer([UInt8](repeating: 7, count: 50_000)) }
    }
    while !inbox.hasNews {}
    #expect(gate.takeArrival(at: here) == nil)
    #expect(gate.idle(at: here, until: nil) == .stop)
    #expect(gate.stopReason == .idleForever)
    inbox.requestStop()
  }

  /// What other threads want is done before anything arrives at a position, or not there: a replay that goes to the position
  /// stops before what arrives.
  @Test func requestsAreServedWhereNothingHasHappenedYet() {
    let inbox = Inbox()
    let gate = LiveGate(inbox: inbox, drives: [], console: NullConsoleOutput(), sleeps: false)
    let machine = Control()
    gate.machine = machine
    func post() {
      #expect(inbox.post { _ in })
    }
    func serve() {
      while inbox.takeRequest() != nil {}
    }
    inbox.offer(.consoleInput([65]))
    post()
    #expect(gate.takeArrival(at: here) == nil)
    #expect(machine.stops == 1)
    serve()
    // The guest goes on however many requests come.
    post()
    #expect(gate.takeArrival(at: here) == .consoleInput([65]))
    #expect(gate.takeArrival(at: here) == nil)
    #expect(machine.stops == 1)
    #expect(gate.nextPoll(after: here) == here.position + 1)
    let next = Moment(position: here.position + 1, time: here.time + 8)
    #expect(gate.takeArrival(at: next) == nil)
    #expect(machine.stops == 2)
    serve()
    #expect(gate.nextPoll(after: next) > next.position + 1)
  }

  /// Where idleness has ended, time has passed at the position.
  @Test func requestsAreNotServedWhereIdlenessHasEnded() {
    let inbox = Inbox()
    let gate = LiveGate(inbox: inbox, drives: [], console: NullConsoleOutput(), sleeps: false)
    let machine = Control()
    gate.machine = machine
    #expect(gate.idle(at: here, until: here.time + 100) == .wake(time: here.time + 100))
    #expect(inbox.post { _ in })
    let later = Moment(position: here.position, time: here.time + 100)
    #expect(gate.takeArrival(at: later) == nil)
    #expect(machine.stops == 0)
    #expect(gate.nextPoll(after: later) == here.position + 1)
    // No hart woke: there is no later position at which it could be done.
    #expect(gate.idle(at: later, until: later.time + 100) == .stop)
  }

  // MARK: Frames

  private func frame(_ interface: Int, _ byte: UInt8, count: Int = 60) -> NetworkFrame {
    NetworkFrame(interface: interface, bytes: [UInt8](repeating: byte, count: count))
  }

  /// A card without room has its frames wait, and nobody else's; one that nobody has set up loses them.
  @Test func framesWaitForRoomOrAreLost() {
    let inbox = Inbox()
    let gate = LiveGate(inbox: inbox, drives: [], console: NullConsoleOutput(), sleeps: false)
    let control = Control()
    control.frameRooms = [.full, .open, .closed]
    gate.machine = control
    for (interface, byte) in [(0, 1), (2, 2), (0, 3), (1, 4)] as [(Int, UInt8)] {
      inbox.offer(frame(interface, byte))
    }
    inbox.offer(.reset)
    #expect(gate.takeArrival(at: here) == .frame(frame(1, 4)))
    #expect(gate.takeArrival(at: here) == .reset)
    #expect(gate.takeArrival(at: here) == nil)
    #expect(!inbox.hasNews, "held frames are no news")
    #expect(gate.nextPoll(after: here) <= here.position + 5_000, "they are soon asked for again")
    control.frameRooms[0] = .open
    #expect(gate.takeArrival(at: here) == .frame(frame(0, 1)))
    control.frameRooms[0] = .full
    #expect(gate.takeArrival(at: here) == nil)
    control.frameRooms[0] = .closed
    #expect(gate.takeArrival(at: here) == nil)
    control.frameRooms[0] = .open
    #expect(gate.takeArrival(at: here) == nil, "the cable was pulled out meanwhile")
  }

  /// A guest that takes nothing does not have the host's memory filled.
  @Test func aFloodIsCut() {
    let inbox = Inbox()
    for _ in 0..<5_000 { inbox.offer(frame(0, 1)) }
    let count = inbox.pendingArrivals.count
    #expect((500...2_000).contains(count))
    let gate = LiveGate(inbox: inbox, drives: [], console: NullConsoleOutput(), sleeps: false)
    let control = Control()
    control.frameRooms = [.open]
    gate.machine = control
    for _ in 0..<count { #expect(gate.takeArrival(at: here) != nil) }
    #expect(gate.takeArrival(at: here) == nil)
    inbox.offer(frame(0, 2))
    #expect(gate.takeArrival(at: here) == .frame(frame(0, 2)), "there is room again")
  }
}
