// SPDX-License-Identifier: Apache-2.0

import Emulator
import Glibc
import HostSystem
import Synchronization

/// The controls of a run: whoever holds them may look at the machine and stop it, from any thread.
///
/// What is asked for happens on the machine's thread, between two instructions: `perform` brings a closure there and
/// waits for it. Nothing of that changes the guest's course. What does change it, a button that is pressed, enters
/// through the gate like everything else.
///
/// The state is changed by the machine's thread alone, so a closure on it sees one that stays.
public final class RunControl: Sendable {
  /// What several threads share.
  private struct Shared {
    var state: RunState
    var observers: [@Sendable (RunEvent) -> Void] = []
    var machineThread: pthread_t?
    /// Until then, on `HostClock.monotonic`, the machine executes nothing although it runs.
    var standsUntil: UInt64 = 0
    /// Whether a guest that comes from elsewhere goes on at once when it is there.
    var startsOnArrival: Bool
    /// Why `quit` was asked for.
    var quitReason: String?
    /// Who has the machine to himself, and whether it may go on; nil: nobody.
    var holder: String?
  }

  private let shared: Mutex<Shared>
  package let inbox: Inbox
  /// The one job (dump, snapshot, migration) that may be at work beside the guest.
  public let job = MigrationState()

  /// - Parameters:
  ///   - isPaused: the machine waits for `resume` before its first instruction.
  ///   - isIncoming: the machine waits for its guest, which comes from elsewhere, before anything else.
  public init(inbox: Inbox, isPaused: Bool = false, isIncoming: Bool = false) {
    self.inbox = inbox
    shared = Mutex(
      Shared(
        state: isIncoming ? .inmigrate : isPaused ? .prelaunch : .running, startsOnArrival: !isPaused))
  }

  // MARK: Asking, on any thread

  public var state: RunState { shared.withLock { $0.state } }

  /// Hears of everything that happens from here on, on the machine's thread: it must not wait for anything.
  public func observe(_ observer: @escaping @Sendable (RunEvent) -> Void) {
    shared.withLock { $0.observers.append(observer) }
  }

  /// Runs `body` between two instructions and waits for what it answers, also while the guest is paused or idle. Fails
  /// when the run is over.
  package func perform<Value: Sendable>(
    _ body: @escaping @Sendable (any ControlledRun) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    precondition(!isOnMachineThread, "the machine's thread would wait for itself")
    let answer = Answer<Value>()
    let isTaken = inbox.post { run in
      guard let run else { return answer.give(.failure(Self.overFailure)) }
      do throws(Failure) {
        answer.give(.success(try body(run)))
      } catch {
        answer.give(.failure(error))
      }
    }
    guard isTaken else { throw Self.overFailure }
    return try answer.wait().get()
  }

  /// Stops the machine where it is. One that stands still already stays as it is; one that waits for its guest will not go on
  /// by itself.
  public func pause() throws(Failure) {
    try perform { [self] (run) throws(Failure) in
      if state == .inmigrate { shared.withLock { $0.startsOnArrival = false } }
      guard state.isRunning else { return }
      run.note("monitor: stop")
      become(.paused)
    }
  }

  /// Has the machine go on; one that waits for its guest, as soon as that is there.
  public func resume() throws(Failure) {
    try perform { [self] (run) throws(Failure) in
      if let holder = shared.withLock({ $0.holder }) {
        throw Failure(
          .usage, "cont", "\(holder) has the machine stopped", remedy: "have it go on there, or detach there")
      }
      switch state {
      case .running: return
      case .inmigrate: return shared.withLock { $0.startsOnArrival = true }
      case .prelaunch, .paused, .postmigrate: break
      case .finishMigrate, .saveVM, .restoreVM, .shutdown:
        throw Failure(
          .usage, "cont", "the machine cannot go on in state \(state.rawValue)",
          remedy: "wait until what is at work has ended")
      }
      run.note("monitor: cont")
      become(.running)
    }
  }

  /// Presses the reset button. A machine that stands still is reset when it goes on.
  public func reset() throws(Failure) {
    try perform { (run) throws(Failure) in
      try run.press(.reset)
      run.note("monitor: system_reset")
    }
  }

  /// Puts the cable of a network card in, or pulls it out: card 0 is `net0`.
  package func setLink(_ name: String, isUp: Bool) throws(Failure) {
    try perform { (run) throws(Failure) in
      let count = run.machine.networkCardStates.count
      guard let interface = (0..<count).first(where: { "net\($0)" == name }) else {
        throw Failure(
          .usage, name, "is no network card of this guest",
          remedy: count == 0
            ? "it has none" : count == 1 ? "name net0" : "name one of net0 to net\(count - 1)")
      }
      try run.press(.link(interface: interface, isUp: isUp))
      run.note("monitor: set_link \(name) \(isUp ? "on" : "off")")
    }
  }

  /// Presses the power button, which switches this board off at once; when it stands still, as soon as it goes on.
  public func powerDown() throws(Failure) {
    try perform { [self] (run) throws(Failure) in
      try run.press(.powerOff)
      run.note("monitor: system_powerdown")
      emit(.poweredDown)
    }
  }

  /// Ends the run, as Ctrl-C does.
  public func quit(reason: String = "host-qmp-quit") {
    shared.withLock { $0.quitReason = $0.quitReason ?? reason }
    inbox.requestStop()
  }

  private static let overFailure = Failure(
    .usage, "machine", "the run is over", remedy: "start another one")

  private var isOnMachineThread: Bool {
    shared.withLock { $0.machineThread.map { pthread_equal($0, pthread_self()) != 0 } ?? false }
  }

  // MARK: For the machine's thread

  /// Changes the state; whoever watches hears when the machine stops or goes on.
  package func become(_ next: RunState) {
    let before = shared.withLock { shared in
      let before = shared.state
      precondition(before == next || before.canBecome(next), "a machine in \(before) cannot become \(next)")
      shared.state = next
      return before
    }
    if before.isRunning, !next.isRunning, next != .shutdown { emit(.stopped) }
    if !before.isRunning, next.isRunning { emit(.resumed) }
  }

  package func emit(_ event: RunEvent) {
    for observer in shared.withLock({ $0.observers }) { observer(event) }
  }

  /// Has the machine stand still until `deadline`, in no other state than before, and serve what others ask for. The time passes
  /// for the guest too. Within `perform`.
  package func stand(until deadline: UInt64) { shared.withLock { $0.standsUntil = deadline } }

  /// Somebody has the machine stand still, and only he can have it go on; nil: nobody any more.
  package func hold(for holder: String?) { shared.withLock { $0.holder = holder } }

  /// The guest that was waited for is there.
  package func noteArrival() { become(shared.withLock { $0.startsOnArrival } ? .running : .paused) }

  /// Saves a snapshot of the machine as it is, between two instructions. The guest stands still for that, and those who watch
  /// hear of it.
  package func saveSnapshot(_ name: String, of run: any ControlledRun) throws(Failure) {
    let before = state
    become(.saveVM)
    defer { become(before) }
    try run.saveSnapshot(name)
  }

  /// The calling thread is the machine's from here on, until `end`.
  package func begin() { shared.withLock { $0.machineThread = pthread_self() } }

  /// Does what other threads have asked for, and comes back at once.
  package func servePending(_ run: any ControlledRun) {
    inbox.takeNudge()
    while let request = inbox.takeRequest() { request(run) }
  }

  /// Does what other threads have asked for. While the machine is to stand still it stays here, until it may go on or
  /// the run must end, or somebody wants the machine to himself. Answers for how many of the host's nanoseconds it stood still.
  package func serve(_ run: any ControlledRun, until isWanted: () -> Bool = { false }) -> UInt64 {
    var stoodSince: UInt64?
    while true {
      servePending(run)
      if isWanted() { break }
      if state.isRunning {
        let deadline = shared.withLock { $0.standsUntil }
        guard HostClock.monotonic() < deadline, inbox.waitForRequest(until: deadline) else { break }
        continue
      }
      if stoodSince == nil {
        run.settle()
        stoodSince = HostClock.monotonic()
      }
      guard inbox.waitForRequest() else { break }
    }
    return stoodSince.map { HostClock.monotonic() - $0 } ?? 0
  }

  /// The run is over: whoever waits is told so. `poweredOff`: the guest, or its power button, did it.
  package func end(_ end: RunEnd) {
    let (byGuest, reason): (Bool, String) =
      switch end {
      case .poweredOffByGuest: (true, "guest-shutdown")
      case .poweredOffByHost: (false, "host-ui")
      case .failed: (false, "host-error")
      case .limit: (false, "none")
      case .stopped: (false, shared.withLock { $0.quitReason } ?? "host-signal")
      }
    become(.shutdown)
    emit(.shutdown(byGuest: byGuest, reason: reason))
    for request in inbox.refuseRequests() { request(nil) }
    shared.withLock { $0.machineThread = nil }
  }

  /// How a run ended, as far as those who watch it care.
  package enum RunEnd {
    case poweredOffByGuest
    case poweredOffByHost
    case stopped
    /// At the limit it was given, or where nothing can happen any more.
    case limit
    case failed
  }
}

/// A value that one thread gives and another waits for.
private final class Answer<Value: Sendable>: @unchecked Sendable {
  // Sendable: `value` is touched with `lock` held.
  private let lock = ConditionLock()
  private var value: Result<Value, Failure>?

  func give(_ value: Result<Value, Failure>) {
    lock.withLock {
      self.value = value
      lock.wakeAll()
    }
  }

  func wait() -> Result<Value, Failure> {
    lock.withLock {
      while true {
        if let value { return value }
        lock.wait()
      }
    }
  }
}
