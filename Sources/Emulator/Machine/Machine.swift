// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// The deterministic machine: harts, memory, devices and the run loop.
///
/// It knows no file, socket, clock or log; everything from outside comes through its `Gate`. All of it lives on
/// whatever one thread calls it.
public final class Machine {
  /// Why `run` came back.
  public enum Stop: Sendable, Equatable {
    /// The position asked for is reached.
    case position
    /// `requestStop` was called, or the gate answered `IdleEnd.stop`.
    case requested
    /// The guest switched the machine off, or something outside did; `status` is its exit status, 0 when it gave none.
    case poweredOff(status: UInt32)
    /// A stop point was met. Never where none is set.
    case stopPoint(StopPointHit)
  }

  /// Guest time, in nanoseconds, at which no timer fires any more: 146 years. It keeps what follows from
  /// time far from the end of 64 bits, whatever a guest writes into its timers.
  static let timeLimit: UInt64 = 1 << 62

  /// Instructions a hart executes before it is the next one's turn.
  static let quantum: Int64 = 5_000

  /// What executes instructions.
  public enum Engine: String, Sendable, CaseIterable {
    /// The fastest that the host can run.
    case automatic = "auto"
    /// Machine code for x86-64; the interpreter where there is no such host.
    case translator = "jit"
    case interpreter
  }

  public let configuration: MachineConfiguration
  let plan: BootPlan
  package let gate: any Gate

  package let memory: GuestMemory
  let memoryDigest: MemoryDigest
  // What holds the machine itself without owning it is made last.
  private(set) var interpreter: Interpreter!
  var clint: CoreLocalInterruptor!
  var plic: PlatformInterruptController!
  var serialPort: SerialPort!
  var realTimeClock: RealTimeClock!
  var blockDevices: [VirtioBlock] = []
  var networkCards: [VirtioNetwork] = []
  /// Nil for a program that does not speak it, and in the first revision.
  var hostInterface: HostTargetInterface?
  /// These are nil for a machine without.
  var virtioConsole: VirtioConsole?
  var semihosting: Semihosting?
  var firmwareConfiguration: FirmwareConfiguration?
  let bus = PhysicalBus()

  // MARK: State of the run loop; all but the last group is part of snapshots

  /// Instructions executed when the current turn began.
  var turnPosition: UInt64 = 0
  /// Guest time skipped while idle, in nanoseconds.
  var idleTime: UInt64 = 0
  /// The hart whose turn it is, and what is left of its quantum.
  public var currentHart: Int { turnHart }
  var turnHart = 0 {
    didSet { turnState = interpreter.harts[turnHart].state }
  }
  /// That hart's: kept, as each byte on the console asks for the moment.
  private var turnState: UnsafeMutablePointer<HartState>!
  var quantumLeft: Int64 = 0
  /// What the guest, or its power button, switched the machine off with; nil while it is on.
  package internal(set) var powerOffStatus: UInt32?
  /// The built-in SBI's, of each hart.
  package var performanceCounters: [PerformanceCounters]

  /// The earliest guest time at which a timer fires; nil for none. Valid unless `timersAreStale`.
  var timerDeadline: UInt64?
  var timersAreStale = true
  private var isStopRequested = false
  private var isResetRequested = false
  /// The reset requested is the guest's own doing.
  private var isGuestReset = false
  var mustCheckToHost = false
  /// The hart whose turn it is has ended it (`endTurnThatWaits`).
  private var isTurnOver = false

  // MARK: For those who look at the guest

  /// What a run is to reach besides its position, and whether it has.
  var goal = RunGoal.limit
  package private(set) var isGoalReached = false
  /// The last position at which the run loop went on; nil when it has not since the state was replaced.
  var wentOnAt: UInt64?
  /// Counts what passes between the harts and devices, firmware and the gate (`StandstillWatch`).
  var outsideCount: UInt64 = 0
  /// Hears what the guest does besides plain instructions.
  var observer: ((GuestObservation) -> Void)?
  /// Where jumps are written while somebody hears of them.
  var transferLog: ControlTransferLog?
  /// Who stores into memory at present.
  var storeSource = NotedStore.Source.instruction

  /// Gives the plan's regions at a reset; nil when `plan` has them.
  private let bootRegions: (() -> [BootPlan.Region])?

  /// A machine in its power-on state with `plan`'s regions in RAM.
  ///
  /// The engine changes nothing but the speed.
  ///
  /// - Parameter bootRegions: for a machine that is about to be set to a saved state, whose plan's regions only a reset
  ///   needs: asked at each reset, instead of taking those of `plan`. RAM is zero then until it is set.
  public init(
    configuration: MachineConfiguration, plan: BootPlan, gate: any Gate, engine: Engine = .automatic,
    bootRegions: (() -> [BootPlan.Region])? = nil
  ) {
    precondition((1...MachineConfiguration.hartCountLimit).contains(configuration.hartCount))
    precondition((0...MachineConfiguration.shiftLimit).contains(configuration.shift))
    precondition(configuration.drives.count <= configuration.driveLimit)
    precondition(configuration.networkCards.count <= MachineConfiguration.networkCardLimit)
    self.configuration = configuration
    self.plan = plan
    self.gate = gate
    self.bootRegions = bootRegions
    memory = GuestMemory(
      base: MemoryMap.memoryBase, size: configuration.memorySize, attached: configuration.attachedStorage)
    memoryDigest = MemoryDigest(memory: memory)
    performanceCounters = Array(repeating: PerformanceCounters(), count: configuration.hartCount)
    interpreter = Interpreter(
      memory: memory, configuration: configuration, machine: self,
      translates: engine != .interpreter)
    turnState = interpreter.harts[turnHart].state
    attachDevices()
    memory.beginKeeping(for: memoryDigest)
    if bootRegions == nil {
      for part in plan.attached { memory.writeAttached(part.bytes, at: part.offset) }
    }
    powerOn(bootRegions == nil ? plan.regions : [])
  }

  // The memory holds its keepers, and this one holds the memory.
  deinit { memory.endKeeping(for: memoryDigest) }

  /// Harts, devices and RAM as they are after power-on; position and time go on. RAM must be zero.
  private func powerOn(_ regions: [BootPlan.Region]) {
    interpreter.reset()
    for device in bus.devices { device.reset() }
    for region in regions { memory.write(region.bytes, at: region.address) }
    watchHostInterface()
    startHarts()
    quantumLeft = 0
    turnHart = 0
    timersAreStale = true
  }

  // MARK: Position and time

  /// The exact moment the machine stands at.
  public var now: Moment {
    let state = turnState.unsafelyUnwrapped
    let position =
      turnPosition
      &+ UInt64(bitPattern: state.pointee.turnBudget &- state.pointee.budget &- state.pointee.unexecuted)
    return Moment(position: position, time: position << UInt64(configuration.shift) &+ idleTime)
  }

  /// The first position at which guest time is at least `time`.
  private func position(atTime time: UInt64) -> UInt64 {
    guard time > idleTime else { return 0 }
    let shift = UInt64(configuration.shift)
    return (time - idleTime - 1) >> shift + 1
  }

  // MARK: Running

  /// Runs to exactly `position`, or until something else ends the run. Arrivals due at the last position are delivered
  /// only when the machine goes on.
  ///
  /// Where a run is cut into several changes nothing: what decides the machine's course (timers, turns) is looked at
  /// at positions that follow from its state alone.
  ///
  /// It also stops at the first of `stopPoints` that it meets. With `ignoringBreakpointHere` it does not stop before the first
  /// instruction that it executes: so a run goes on that stopped there.
  public func run(until position: UInt64, ignoringBreakpointHere: Bool = false) -> Stop {
    isStopRequested = false
    isGoalReached = false
    interpreter.stops.ignoredPosition = ignoringBreakpointHere ? now.position : nil
    while true {
      if let hit = interpreter.stops.hit {
        interpreter.stops.hit = nil
        return .stopPoint(hit)
      }
      if isResetRequested { reset() }
      if mustCheckToHost { checkToHost() }
      serveHostInterface(isAfterInstruction: true)
      if let powerOffStatus { return .poweredOff(status: powerOffStatus) }
      if isStopRequested { return .requested }
      if isGoalReached || now.position >= position { return .position }
      wentOnAt = now.position
      while !isStopRequested, powerOffStatus == nil, !isResetRequested,
        let arrival = gate.takeArrival(at: now)
      {
        deliver(arrival)
        serveHostInterface()
      }
      // What arrived may also have written `tohost`.
      if isStopRequested || powerOffStatus != nil || isResetRequested || mustCheckToHost { continue }
      updateTimers()
      if chooseHart() {
        takeTurn(until: position)
      } else if !serveHostInterface(isIdle: true) {
        idle()
      }
    }
  }

  /// Makes a `run` in progress come back at the next instruction boundary. Same thread only (a gate calls it).
  public func requestStop() {
    isStopRequested = true
    leaveTurn()
  }

  /// Has the run loop look around after the current instruction.
  func leaveTurn() {
    interpreter.harts[turnHart].state.pointee.attention |= Attention.leave
  }

  /// Makes `turnHart` one that can run; false when all of them wait or are stopped.
  private func chooseHart() -> Bool {
    if quantumLeft > 0 && isRunnable(turnHart) { return true }
    for step in 1...configuration.hartCount {
      let candidate = (turnHart + step) % configuration.hartCount
      guard isRunnable(candidate) else { continue }
      if candidate != turnHart { endReservation(of: turnHart) }
      turnHart = candidate
      quantumLeft = Self.quantum
      return true
    }
    quantumLeft = 0
    return false
  }

  /// A reservation does not outlive its hart's turn: another hart is about to run, and may store there (volume I, "Zalrsc"). An `sc`
  /// may fail for no reason, and a loop of `lr` and `sc` fits into a turn many times, so that the next try succeeds.
  private func endReservation(of index: Int) {
    if configuration.revision.keepsReservations { return }
    interpreter.harts[index].state.pointee.reservationAddress = ~0
  }

  /// The hart whose turn it is waits for what others do: it is their turn after this instruction. False when none of them can run.
  ///
  /// A guest whose harts contend for a lock would spend most of their turns waiting for one whose turn is over.
  func endTurnThatWaits() -> Bool {
    guard interpreter.harts.indices.contains(where: { $0 != turnHart && canRun($0) }) else { return false }
    isTurnOver = true
    leaveTurn()
    return true
  }

  private func canRun(_ index: Int) -> Bool {
    let hart = interpreter.harts[index]
    guard hart.state.pointee.isStarted != 0 else { return false }
    // `wfi` ends for what is pending and enabled in `mie`, whatever `mstatus` says (volume II, section 3.3.3).
    return hart.state.pointee.isWaiting == 0 || hart.pendingInterrupts & hart.state.pointee.mie != 0
      || semihosting?.isAnswered(hart: index) == true
  }

  /// The same, and if so it waits no longer.
  private func isRunnable(_ index: Int) -> Bool {
    guard canRun(index) else { return false }
    let hart = interpreter.harts[index]
    if hart.state.pointee.isWaiting != 0 {
      hart.state.pointee.isWaiting = 0
      semihosting?.goesOn(hart: index)
    }
    return true
  }

  private func takeTurn(until limit: UInt64) {
    let moment = now
    var end = min(limit, gate.nextPoll(after: moment))
    if let timerDeadline { end = min(end, position(atTime: timerDeadline)) }
    if let next = hostInterface?.nextPosition { end = min(end, next) }
    precondition(end > moment.position, "a poll or a timer that is due was not seen to")
    // A lone hart takes its turns one after the other without a look around between them.
    let turns = configuration.hartCount == 1 ? Int64.max : quantumLeft
    var budget = min(Int64(clamping: end - moment.position), turns)
    switch goal {
    case .limit: break
    // Interrupts are taken, and then there is no budget left.
    case .settled: budget = 0
    case .ready(let hart): if hart == turnHart { budget = 0 }
    case .step(let hart): if hart == turnHart { budget = 1 }
    }

    let hart = interpreter.harts[turnHart]
    turnPosition = moment.position
    hart.state.pointee.turnBudget = budget
    hart.state.pointee.budget = budget
    // What became pending since the hart's last turn is looked at first.
    hart.state.pointee.attention = Attention.interrupts
    interpreter.run(hart)

    if transferLog != nil { handTransfers(end: now.position) }
    let used = budget - hart.state.pointee.budget
    turnPosition &+= UInt64(used)
    hart.state.pointee.executedBeforeTurn &+= UInt64(used)
    hart.state.pointee.turnBudget = 0
    hart.state.pointee.budget = 0
    quantumLeft -= used
    if quantumLeft < 0 {
      let begun = -quantumLeft % Self.quantum
      quantumLeft = begun == 0 ? 0 : Self.quantum - begun
    }
    if isTurnOver || hart.state.pointee.isWaiting != 0 || hart.state.pointee.isStarted == 0 {
      quantumLeft = 0
    }
    isTurnOver = false
    isGoalReached =
      goal == .settled || goal == .ready(hart: hart.index) || goal == .step(hart: hart.index) && used > 0
  }

  private func idle() {
    let moment = now
    switch gate.idle(at: moment, until: timerDeadline) {
    case .stop: isStopRequested = true
    case .wake(let time):
      precondition(time >= moment.time, "time does not go backwards")
      if let timerDeadline { precondition(time <= timerDeadline, "a timer was slept through") }
      idleTime &+= time - moment.time
    }
  }

  /// After the state has been replaced: nothing is asked of the run loop but to look at the timers.
  func forgetRequests() {
    isStopRequested = false
    isResetRequested = false
    isGuestReset = false
    mustCheckToHost = false
    timersAreStale = true
    wentOnAt = nil
  }

  // MARK: Arrivals, power and reset

  private func deliver(_ arrival: Arrival) {
    outsideCount &+= 1
    switch arrival {
    case .consoleInput(let bytes):
      serialPort.receive(bytes)
      virtioConsole?.bringInput()
    case .blockCompletion(let completion):
      storeSource = .blockCompletion(drive: completion.drive, request: completion.id)
      defer { storeSource = .instruction }
      for hart in interpreter.harts { endReservation(of: hart.index) }
      // An answer that no device waits for changes nothing.
      guard blockDevices.indices.contains(completion.drive) else { return }
      _ = blockDevices[completion.drive].complete(completion)
    case .frame(let frame):
      storeSource = .frame(interface: frame.interface)
      defer { storeSource = .instruction }
      for hart in interpreter.harts { endReservation(of: hart.index) }
      guard networkCards.indices.contains(frame.interface) else { return }
      networkCards[frame.interface].receive(frame.bytes)
    case .link(let interface, let isUp):
      guard networkCards.indices.contains(interface) else { return }
      networkCards[interface].setLink(isUp: isUp)
    case .reset where configuration.powersOffAtReset: powerOffStatus = 0
    case .reset: isResetRequested = true
    case .powerOff: powerOffStatus = 0
    }
  }

  private func reset() {
    isResetRequested = false
    if isGuestReset { gate.guestReset(at: now) }
    storeSource = .reset(byGuest: isGuestReset)
    defer { storeSource = .instruction }
    isGuestReset = false
    let places = interpreter.harts.map(\.state.pointee.pc)
    memory.clear()
    powerOn(bootRegions?() ?? plan.regions)
    if observer != nil { tell(.reset(from: places), of: interpreter.harts[turnHart], hasEnded: false) }
  }

  package func requestPowerOff(status: UInt32) {
    powerOffStatus = status
    leaveTurn()
  }

  package func requestReset() {
    if configuration.powersOffAtReset { return requestPowerOff(status: 0) }
    isResetRequested = true
    isGuestReset = true
    leaveTurn()
  }
}
