// SPDX-License-Identifier: Apache-2.0

/// The words `tohost` and `fromhost` in RAM, for a program that has them.
extension Machine {
  /// To be called when the serial port is there.
  func attachHostInterface() {
    guard let toHost = plan.toHostAddress, memory.pointer(at: toHost, count: 8) != nil else { return }
    let fromHost = plan.fromHostAddress.flatMap { memory.pointer(at: $0, count: 8) == nil ? nil : $0 }
    let interface = HostTargetInterface(
      board: self, serialPort: serialPort, toHost: toHost, fromHost: fromHost)
    bus.attachWithoutRegisters(interface)
    hostInterface = interface
  }

  /// Has stores to the words noted. What stands in them when the machine starts is no command.
  func watchHostInterface() {
    hostInterface?.reset()
    guard let toHost = plan.toHostAddress, memory.pointer(at: toHost, count: 8) != nil else { return }
    var places = [toHost]
    if let hostInterface { places = hostInterface.words.flatMap { [$0, $0 + 7] } }
    for place in places {
      memory.setCare(PageFlags.hostInterface, page: memory.page(of: place))
    }
  }

  /// `count` bytes from `address` on are about to be stored, on a page that one of the words is on.
  func hostInterfaceStored(address: UInt64, count: Int) {
    guard let hostInterface else {
      mustCheckToHost = true
      return leaveTurn()
    }
    if hostInterface.noteStore(address: address, count: count) { leaveTurn() }
  }

  /// Does what the program asks for now; true when there was something.
  ///
  /// - Parameters:
  ///   - isIdle: no hart will execute anything.
  ///   - isAfterInstruction: whatever is asked for, the instruction before this position did it.
  @discardableResult
  func serveHostInterface(isIdle: Bool = false, isAfterInstruction: Bool = false) -> Bool {
    guard let hostInterface else { return false }
    storeSource = .hostInterface(isAfterInstruction: isAfterInstruction)
    defer { storeSource = .instruction }
    // What that instruction asked for is stamped as what it does itself is.
    var moment = now
    if isAfterInstruction, moment.position > 0 {
      moment = Moment(position: moment.position - 1, time: moment.time - 1 << UInt64(configuration.shift))
    }
    let hasServed = hostInterface.serve(askedAt: moment, isIdle: isIdle)
    if hasServed { outsideCount &+= 1 }
    return hasServed
  }

  /// What a machine of the first revision has of the interface: an odd number ends the run, with the rest as its status.
  func checkToHost() {
    mustCheckToHost = false
    guard let address = plan.toHostAddress, let value = memory.load(UInt64.self, at: address),
      value & 1 != 0
    else { return }
    powerOffStatus = UInt32(truncatingIfNeeded: value >> 1)
  }
}
