// SPDX-License-Identifier: Apache-2.0

/// What is on the board.
extension Machine {
  func attachDevices() {
    clint = CoreLocalInterruptor(board: self, hartCount: configuration.hartCount)
    plic = PlatformInterruptController(board: self, hartCount: configuration.hartCount)
    serialPort = SerialPort(board: self)
    realTimeClock = RealTimeClock(board: self)
    attach(serialPort, at: MemoryMap.serialPort)
    attach(plic, at: MemoryMap.platformInterruptController)
    attach(clint, at: MemoryMap.coreLocalInterruptor)
    // Drives take the slots from the first on, so that the guest finds them in their order; entropy takes the last,
    // and a console the one before.
    blockDevices = configuration.drives.enumerated().map { index, drive in
      VirtioBlock(board: self, driveIndex: index, drive: drive)
    }
    if configuration.hasVirtioConsole { virtioConsole = VirtioConsole(board: self, serialPort: serialPort) }
    // Network cards come before that, in their order.
    networkCards = configuration.networkCards.indices.map { VirtioNetwork(board: self, interface: $0) }
    let firstCard = MemoryMap.virtioSlotCount - (virtioConsole == nil ? 1 : 2) - networkCards.count
    for slot in 0..<MemoryMap.virtioSlotCount {
      let device: (any VirtioDevice)? =
        switch slot {
        case 0..<blockDevices.count: blockDevices[slot]
        case MemoryMap.virtioSlotCount - 1: VirtioEntropy(board: self)
        case firstCard..<firstCard + networkCards.count: networkCards[slot - firstCard]
        case MemoryMap.virtioSlotCount - 2: virtioConsole
        default: nil
        }
      attach(
        VirtioTransport(board: self, slot: slot, device: device),
        at: MemoryMap.Window(
          base: MemoryMap.virtioSlots.base + UInt64(slot) * MemoryMap.virtioSlotSize,
          size: MemoryMap.virtioSlotSize))
    }
    attach(realTimeClock, at: MemoryMap.realTimeClock)
    attach(TestFinisher(board: self), at: MemoryMap.testFinisher)
    attach(BootROM(bytes: plan.bootROM), at: MemoryMap.bootROM)
    if configuration.revision.hasFirmwareDevices { attachFirmwareDevices() }
    if configuration.revision.hasHostInterface { attachHostInterface() }
    attachSemihosting()
  }

  private func attach(_ device: some Device, at window: MemoryMap.Window) {
    bus.attach(device, at: window, acceptsAllSizes: configuration.revision.acceptsAllSizes)
  }

  /// Flash and what firmware is given.
  private func attachFirmwareDevices() {
    let size = AttachedStorage.bankSize
    for bank in 0..<AttachedStorage.bankCount {
      attach(
        ParallelFlash(board: self, bank: bank, isReadOnly: configuration.isFlashReadOnly[bank]),
        at: MemoryMap.Window(base: MemoryMap.flash.base + UInt64(bank) * size, size: size))
    }
    let firmwareConfiguration = FirmwareConfiguration(board: self)
    attach(firmwareConfiguration, at: MemoryMap.firmwareConfiguration)
    self.firmwareConfiguration = firmwareConfiguration
  }

  private func attachSemihosting() {
    guard let commandLine = configuration.semihosting else { return }
    let semihosting = Semihosting(host: self, commandLine: commandLine)
    bus.attachWithoutRegisters(semihosting)
    self.semihosting = semihosting
    interpreter.hasSemihosting = true
  }
}
