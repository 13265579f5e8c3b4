// SPDX-License-Identifier: Apache-2.0

/// What the machine is to its devices.
extension Machine: Board {
  package func setInterruptLine(source: Int, level: Bool) { plic.setSource(source, level: level) }

  package func setHartInterrupt(hart: Int, _ interrupt: HartInterrupt, level: Bool) {
    let state = interpreter.harts[hart].state
    let bit = UInt64(1) << UInt64(interrupt.rawValue)
    let lines = state.pointee.interruptLines & ~bit | (level ? bit : 0)
    guard lines != state.pointee.interruptLines else { return }
    state.pointee.interruptLines = lines
    state.pointee.attention |= Attention.interrupts
  }

  package func consoleOutput(_ byte: UInt8) { gate.consoleOutput(byte, at: now) }

  package func timersChanged() {
    timersAreStale = true
    leaveTurn()
  }
}

/// What the machine is to its harts.
extension Machine {
  var timeTicks: UInt64 { clint.ticks(at: now) }
  var position: UInt64 { now.position }

  func readBus(_ address: UInt64, size: Int) -> UInt64? {
    guard let value = bus.read(address, size: size) else { return nil }
    outsideCount &+= 1
    return value
  }

  func writeBus(_ address: UInt64, size: Int, value: UInt64) -> Bool {
    storeSource = .device(register: address)
    let isAnswered = bus.write(address, size: size, value: value)
    storeSource = .instruction
    if isAnswered { outsideCount &+= 1 }
    return isAnswered
  }

  /// A call that semihosting knows by its three instructions. False: the hart is to wait in front of it.
  func semihostingCall(hart index: Int) -> Bool {
    guard let semihosting else { return true }
    outsideCount &+= 1
    let x = interpreter.harts[index].x
    switch semihosting.handle(x[10], parameter: x[11], hart: index) {
    case .returns(let value):
      x[10] = value
      return true
    case .waits: return false
    }
  }

  func environmentCall(hart index: Int) -> Bool {
    guard case .builtInSBI = plan.start else { return false }
    outsideCount &+= 1
    let hart = interpreter.harts[index]
    hart.uncountTrapping()
    let x = hart.x
    let call = SupervisorBinaryInterface.Call(
      extensionID: x[17], functionID: x[16], arguments: (x[10], x[11], x[12], x[13], x[14], x[15]))
    storeSource = .firmware
    defer { storeSource = .instruction }
    let outcome = SupervisorBinaryInterface.handle(call, hart: index, host: self)
    if observer != nil { tell(call, outcome, of: hart) }
    switch outcome {
    case .returns(let error, let value):
      x[10] = UInt64(bitPattern: error.rawValue)
      x[11] = value
    case .returnsLegacy(let result): x[10] = UInt64(bitPattern: result)
    case .doesNotReturn: break
    }
    return true
  }
}

extension Machine {
  func describeStore(to address: UInt64, byteCount: Int, isWalk: Bool) -> NotedStore {
    // The built-in SBI is called with the hart behind its `ecall`.
    let behind: UInt64 = storeSource == .firmware ? 4 : 0
    // What a guest resets is reset right after the instruction that asked for it; so is a command in `tohost` served.
    let late: UInt64 =
      storeSource == .reset(byGuest: true) || storeSource == .hostInterface(isAfterInstruction: true) ? 1 : 0
    return NotedStore(
      source: isWalk ? .pageTableWalk : storeSource, position: position - late, hart: currentHart,
      programCounter: interpreter.harts[currentHart].state.pointee.pc &- behind, address: address,
      byteCount: byteCount)
  }
}

/// What the machine is to the built-in SBI.
extension Machine: FirmwareHost {
  package var hartCount: Int { configuration.hartCount }

  package func isHartStarted(_ hart: Int) -> Bool { interpreter.harts[hart].state.pointee.isStarted != 0 }

  package func startHart(_ index: Int, address: UInt64, opaque: UInt64) {
    let hart = interpreter.harts[index]
    startInSupervisorMode(hart, address: address, argument: opaque)
  }

  package func stopHart(_ hart: Int) {
    interpreter.harts[hart].state.pointee.isStarted = 0
    leaveTurn()
  }

  package func waitForInterrupt(hart index: Int) {
    let hart = interpreter.harts[index]
    guard hart.pendingInterrupts & hart.state.pointee.mie == 0 else { return }
    hart.state.pointee.isWaiting = 1
    leaveTurn()
  }

  package func setSupervisorTimer(hart: Int, tick: UInt64) {
    interpreter.harts[hart].state.pointee.stimecmp = tick
    timersChanged()
  }

  package func raiseSupervisorSoftwareInterrupt(hart: Int) {
    interpreter.harts[hart].state.pointee.mipSoftware |= InterruptBit.supervisorSoftware
    interpreter.harts[hart].state.pointee.attention |= Attention.interrupts
  }

  package func clearSupervisorSoftwareInterrupt(hart: Int) -> Bool {
    let state = interpreter.harts[hart].state
    let wasPending = state.pointee.mipSoftware & InterruptBit.supervisorSoftware != 0
    state.pointee.mipSoftware &= ~InterruptBit.supervisorSoftware
    return wasPending
  }

  package var hasPerformanceCounters: Bool { configuration.revision.hasPerformanceCounters }

  package func isCounting(_ counter: Int, hart: Int) -> Bool {
    interpreter.harts[hart].state.pointee.mcountinhibit >> UInt64(counter) & 1 == 0
  }

  package func setCounter(_ counter: Int, isCounting: Bool, hart index: Int) {
    let hart = interpreter.harts[index]
    let bit = UInt64(1) << UInt64(counter)
    let inhibited = hart.state.pointee.mcountinhibit
    guard isCounting != (inhibited & bit == 0) else { return }
    // Where the counter stands still.
    let value = counter == 0 ? hart.state.pointee.mcycleOffset : hart.state.pointee.minstretOffset
    interpreter.writeCSR(hart, CSR.mcountinhibit, inhibited ^ bit)
    // It goes on from there behind the call.
    if isCounting { setCounter(counter, to: value, hart: index) }
  }

  package func setCounter(_ counter: Int, to value: UInt64, hart index: Int) {
    interpreter.writeCSR(interpreter.harts[index], CSR.mcycle + counter, value)
  }

  package func loadDoubleword(hart: Int, virtualAddress: UInt64) -> UInt64? {
    switch interpreter.read(interpreter.harts[hart], virtualAddress, size: 8) {
    case .value(let value, isDevice: false): value
    default: nil
    }
  }

  package func takeConsoleInput(count: Int) -> [UInt8] { serialPort.takeInput(count: count) }
  /// Bytes of console input that can be delivered now without any being lost.
  package var consoleInputRoom: Int { serialPort.inputRoom }

  /// What becomes of a frame that is delivered to a network card now.
  package func frameRoom(interface: Int) -> FrameRoom {
    networkCards.indices.contains(interface) ? networkCards[interface].room : .closed
  }
}

extension Machine: SemihostingHost {
  package var hasConsoleInput: Bool { serialPort.hasInput }
}
