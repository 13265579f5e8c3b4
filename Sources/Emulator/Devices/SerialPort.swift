// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// The 16550A UART at the serial console, registers one byte apart, as on QEMU's `virt` board.
///
/// Two things take no time here. A byte written is transmitted at once, so the transmitter is always empty.
/// And the four character times after which a 16550A reports data that stay below the receiver's trigger
/// level have always passed already: any data below the level is a character timeout. Both make the device a
/// function of the guest's accesses and of the input's position alone.
///
/// Input waits in a backlog, as it does in QEMU's character device, and comes into the receiver as the guest
/// makes room: up to the trigger level with the FIFO on, one byte without. So input is never overrun; only
/// loopback can do that.
package final class SerialPort: Device {
  private enum Register {
    static let data: UInt64 = 0
    static let interruptEnable: UInt64 = 1
    static let interruptIdentification: UInt64 = 2
    static let lineControl: UInt64 = 3
    static let modemControl: UInt64 = 4
    static let lineStatus: UInt64 = 5
    static let modemStatus: UInt64 = 6
    static let scratch: UInt64 = 7
    static let count: UInt64 = 8
  }

  private enum InterruptEnable {
    static let receivedData: UInt8 = 0x01
    static let transmitterEmpty: UInt8 = 0x02
    static let lineStatus: UInt8 = 0x04
    static let all: UInt8 = 0x0f
  }

  /// Low four bits of IIR, in falling priority.
  private enum Identification {
    static let lineStatus: UInt8 = 0x06
    static let characterTimeout: UInt8 = 0x0c
    static let receivedData: UInt8 = 0x04
    static let transmitterEmpty: UInt8 = 0x02
    static let none: UInt8 = 0x01
    static let fifoEnabled: UInt8 = 0xc0
  }

  private enum FIFOControl {
    static let enable: UInt8 = 0x01
    static let resetReceiver: UInt8 = 0x02
    static let resetTransmitter: UInt8 = 0x04
    /// The bits that stay: trigger level, DMA mode, enable.
    static let kept: UInt8 = 0xc9
  }

  private enum LineStatus {
    static let dataReady: UInt8 = 0x01
    static let overrun: UInt8 = 0x02
    /// THR empty and transmitter empty.
    static let transmitterEmpty: UInt8 = 0x60
  }

  private static let divisorLatchAccess: UInt8 = 0x80
  private static let loopback: UInt8 = 0x10
  private static let modemControlAtReset: UInt8 = 0x08
  /// Carrier, data set ready and clear to send: there is always someone at the other end.
  private static let modemStatusLines: UInt8 = 0xb0
  private static let divisorAtReset: UInt16 = 12

  /// Bytes of input that wait for the guest; what comes on top of them is dropped. Whoever brings input looks at `inputRoom`
  /// first, so that only a log that is damaged, or of the first revision, has more.
  package static let backlogLimit = 65536

  package let name = "uart"
  /// It owns this device. Not counted at all: a guest may write tens of millions of bytes.
  private unowned(unsafe) let board: any Board

  private var interruptEnable: UInt8 = 0
  private var fifoControl: UInt8 = 0
  private var lineControl: UInt8 = 0
  private var modemControl: UInt8 = SerialPort.modemControlAtReset
  private var scratch: UInt8 = 0
  private var divisor: UInt16 = SerialPort.divisorAtReset
  private var hasOverrun = false
  /// The transmitter became empty, and neither a read of IIR nor masking has taken note of it.
  private var transmitterEmptyPending = false
  /// What was received and not read: never more than `receiverSize` bytes.
  private let receiver = ReceiveFIFO()
  /// The last byte received without the FIFO. Reading RBR when there is nothing new gives it again.
  private var lastReceived: UInt8 = 0
  private var backlog = ByteQueue()
  /// The controller may have heard last that the interrupt is high.
  private var mayBeRaised = true

  package init(board: any Board) { self.board = board }

  private var isFIFOEnabled: Bool { fifoControl & FIFOControl.enable != 0 }
  private var isLoopback: Bool { modemControl & Self.loopback != 0 }
  private var isDivisorLatchAccessible: Bool { lineControl & Self.divisorLatchAccess != 0 }
  private var receiverSize: Int { isFIFOEnabled ? ReceiveFIFO.size : 1 }

  /// Bytes in the receiver at which data count as received.
  private var triggerLevel: Int {
    guard isFIFOEnabled else { return 1 }
    switch fifoControl >> 6 {
    case 0: return 1
    case 1: return 4
    case 2: return 8
    default: return 14
    }
  }

  private var identification: UInt8 {
    if interruptEnable & InterruptEnable.lineStatus != 0, hasOverrun { return Identification.lineStatus }
    if interruptEnable & InterruptEnable.receivedData != 0, !receiver.isEmpty {
      return receiver.count < triggerLevel ? Identification.characterTimeout : Identification.receivedData
    }
    if interruptEnable & InterruptEnable.transmitterEmpty != 0, transmitterEmptyPending {
      return Identification.transmitterEmpty
    }
    return Identification.none
  }

  /// Tells the controller the level of the interrupt. It takes note each time that it hears of a high one, so this is called
  /// where QEMU's does, and nowhere else. That it is low need not be said twice.
  private func updateInterrupt() {
    let isRaised = identification != Identification.none
    guard isRaised || mayBeRaised else { return }
    mayBeRaised = isRaised
    board.setInterruptLine(source: MemoryMap.InterruptSource.serialPort, level: isRaised)
  }

  // MARK: Input

  /// Bytes that may be brought now without any being lost.
  package var inputRoom: Int { Self.backlogLimit - backlog.count }

  /// Brings input from outside.
  package func receive(_ bytes: [UInt8]) {
    backlog.append(bytes.prefix(Self.backlogLimit - backlog.count))
    if fillReceiver() { updateInterrupt() }
  }

  /// Is there anything for `takeInput`?
  package var hasInput: Bool { !receiver.isEmpty || !backlog.isEmpty }

  /// Takes at most `count` bytes of input past the registers, oldest first, for the SBI's debug console.
  package func takeInput(count: Int) -> [UInt8] {
    guard count > 0 else { return [] }
    var taken: [UInt8] = []
    while taken.count < count, let byte = receiver.popFirst() { taken.append(byte) }
    taken += backlog.popFirst(count - taken.count)
    fillReceiver()
    updateInterrupt()
    return taken
  }

  /// Whether anything came in.
  @discardableResult
  private func fillReceiver() -> Bool {
    guard !isLoopback else { return false }
    var hasReceived = false
    while receiver.count < triggerLevel, let byte = backlog.popFirst() {
      put(byte)
      hasReceived = true
    }
    return hasReceived
  }

  /// Receives a byte. An overrun leaves a FIFO as it is, but the single byte of RBR is overwritten.
  private func put(_ byte: UInt8) {
    let isFull = receiver.count == receiverSize
    if isFull { hasOverrun = true }
    if isFIFOEnabled {
      if !isFull { receiver.append(byte) }
    } else {
      receiver.removeAll()
      receiver.append(byte)
      lastReceived = byte
    }
  }

  // MARK: Registers

  package func accepts(offset: UInt64, size: Int) -> Bool { offset + UInt64(size) <= Register.count }

  package func read(offset: UInt64, size: Int) -> UInt64 {
    switch offset {
    case Register.data:
      return UInt64(isDivisorLatchAccessible ? UInt8(truncatingIfNeeded: divisor) : readData())
    case Register.interruptEnable:
      return UInt64(isDivisorLatchAccessible ? UInt8(divisor >> 8) : interruptEnable)
    case Register.interruptIdentification:
      let value = identification
      if value == Identification.transmitterEmpty {
        transmitterEmptyPending = false
        updateInterrupt()
      }
      return UInt64(value | (isFIFOEnabled ? Identification.fifoEnabled : 0))
    case Register.lineControl: return UInt64(lineControl)
    case Register.modemControl: return UInt64(modemControl)
    case Register.lineStatus:
      var value = LineStatus.transmitterEmpty
      if !receiver.isEmpty { value |= LineStatus.dataReady }
      if hasOverrun {
        value |= LineStatus.overrun
        hasOverrun = false
        updateInterrupt()
      }
      return UInt64(value)
    case Register.modemStatus: return UInt64(isLoopback ? loopedModemStatus : Self.modemStatusLines)
    case Register.scratch: return UInt64(scratch)
    default: return 0
    }
  }

  /// What was received stays, and so do the interrupts that reading ends.
  package func inspect(offset: UInt64) -> UInt8? {
    switch offset {
    case Register.data where !isDivisorLatchAccessible:
      return receiver.contents.first ?? (isFIFOEnabled ? 0 : lastReceived)
    case Register.interruptIdentification:
      return identification | (isFIFOEnabled ? Identification.fifoEnabled : 0)
    case Register.lineStatus:
      return LineStatus.transmitterEmpty | (receiver.isEmpty ? 0 : LineStatus.dataReady)
        | (hasOverrun ? LineStatus.overrun : 0)
    case ..<Register.count: return UInt8(truncatingIfNeeded: read(offset: offset, size: 1))
    default: return nil
    }
  }

  /// OUT2, OUT1, RTS and DTR come back as DCD, RI, CTS and DSR.
  private var loopedModemStatus: UInt8 {
    (modemControl & 0x0c) << 4 | (modemControl & 0x02) << 3 | (modemControl & 0x01) << 5
  }

  private func readData() -> UInt8 {
    let byte = receiver.popFirst() ?? (isFIFOEnabled ? 0 : lastReceived)
    fillReceiver()
    updateInterrupt()
    return byte
  }

  package func write(offset: UInt64, size: Int, value: UInt64) {
    let value = UInt8(truncatingIfNeeded: value)
    switch offset {
    case Register.data:
      if isDivisorLatchAccessible {
        divisor = divisor & 0xff00 | UInt16(value)
      } else {
        transmit(value)
      }
    case Register.interruptEnable:
      if isDivisorLatchAccessible {
        divisor = divisor & 0x00ff | UInt16(value) << 8
      } else {
        writeInterruptEnable(value & InterruptEnable.all)
      }
    case Register.interruptIdentification: writeFIFOControl(value)
    case Register.lineControl: lineControl = value
    case Register.modemControl:
      modemControl = value & 0x1f
      // The controller hears of it only if input came in.
      if fillReceiver() { updateInterrupt() }
    case Register.scratch: scratch = value
    default: break
    }
  }

  private func transmit(_ byte: UInt8) {
    if isLoopback {
      put(byte)
    } else {
      board.consoleOutput(byte)
    }
    transmitterEmptyPending = true
    updateInterrupt()
  }

  /// Enabling the transmitter's interrupt raises it when the transmitter is empty, even if IIR had been read
  /// before: not in the datasheet, but drivers rely on it, and QEMU does so.
  private func writeInterruptEnable(_ value: UInt8) {
    guard value != interruptEnable else { return }
    if (value ^ interruptEnable) & InterruptEnable.transmitterEmpty != 0 {
      transmitterEmptyPending = value & InterruptEnable.transmitterEmpty != 0
    }
    interruptEnable = value
    updateInterrupt()
  }

  private func writeFIFOControl(_ value: UInt8) {
    // Switching the FIFOs on or off empties both.
    let switched = (value ^ fifoControl) & FIFOControl.enable != 0
    if switched || value & FIFOControl.resetReceiver != 0 { receiver.removeAll() }
    if switched || value & FIFOControl.resetTransmitter != 0 { transmitterEmptyPending = true }
    fifoControl = value & FIFOControl.kept
    fillReceiver()
    updateInterrupt()
  }

  // MARK: State

  /// Input that the guest has not read is gone as well.
  package func reset() {
    interruptEnable = 0
    fifoControl = 0
    lineControl = 0
    modemControl = Self.modemControlAtReset
    scratch = 0
    divisor = Self.divisorAtReset
    hasOverrun = false
    transmitterEmptyPending = false
    receiver.removeAll()
    lastReceived = 0
    backlog.removeAll()
    updateInterrupt()
  }

  package func save(to writer: inout ByteWriter) {
    writer.uint8(interruptEnable)
    writer.uint8(fifoControl)
    writer.uint8(lineControl)
    writer.uint8(modemControl)
    writer.uint8(scratch)
    writer.uint16(divisor)
    writer.bool(hasOverrun)
    writer.bool(transmitterEmptyPending)
    writer.uint8(lastReceived)
    writer.counted(receiver.contents)
    writer.counted(backlog.contents)
  }

  package func restore(from reader: inout ByteReader) throws(ByteCodingError) {
    interruptEnable = try reader.uint8(within: InterruptEnable.all, "UART interrupt enable")
    fifoControl = try reader.uint8(within: FIFOControl.kept, "UART FIFO control")
    lineControl = try reader.uint8()
    modemControl = try reader.uint8(within: 0x1f, "UART modem control")
    scratch = try reader.uint8()
    divisor = try reader.uint16()
    hasOverrun = try reader.bool()
    transmitterEmptyPending = try reader.bool()
    lastReceived = try reader.uint8()
    receiver.removeAll()
    for byte in try reader.counted(limit: receiverSize, "UART receiver") { receiver.append(byte) }
    backlog = ByteQueue(try reader.counted(limit: Self.backlogLimit, "UART backlog"))
    mayBeRaised = true
  }
}
