// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// The host-target interface of riscv-tests and of programs for Spike: two doublewords in RAM, `tohost` and `fromhost`.
///
/// A command is what stands in `tohost` once the program has stored it. A program may store it in two halves; the first
/// one alone counts when the other does not follow soon, for there are programs that never store the second.
///
/// When a command counts follows from this object's state and the position alone. It is served between two instructions.
package final class HostTargetInterface: Device {
  /// What a program asks for: device in bits 56 to 63, command in 48 to 55, and the rest.
  private struct Command {
    var device: UInt64
    var number: UInt64
    var payload: UInt64

    init(_ value: UInt64) {
      device = value >> 56
      number = value >> 48 & 0xff
      payload = value & 0xffff_ffff_ffff
    }

    /// The answer to it.
    func answer(_ payload: UInt64) -> UInt64 { device << 56 | number << 48 | payload & 0xffff_ffff_ffff }
  }

  private enum Halves {
    static let low: UInt8 = 1
    static let high: UInt8 = 2
    static let both: UInt8 = 3
  }

  private enum SystemCall {
    static let write: UInt64 = 64
    static let exit: UInt64 = 93
    static let notImplemented = UInt64(bitPattern: -38)
    static let badAddress = UInt64(bitPattern: -14)
    static let badFile = UInt64(bitPattern: -9)
  }

  /// Instructions for which a half of `tohost` waits for the other one: a few more than there are between the two stores of any
  /// compiler.
  package static let patience: UInt64 = 100

  package let name = "htif"
  private unowned let board: any Board
  private let serialPort: SerialPort
  private let toHost: UInt64
  private let fromHost: UInt64?

  /// Of `tohost`: which were stored since the last command.
  private var storedHalves: UInt8 = 0
  /// The position at which what is stored counts, whole or not.
  private var deadline: UInt64 = 0
  /// The program waits for a byte of console input.
  private(set) var isReading = false

  /// - Parameters:
  ///   - toHost: physical address; eight bytes of RAM from there on.
  ///   - fromHost: the same; nil for a program that has none and gets no answers.
  package init(board: any Board, serialPort: SerialPort, toHost: UInt64, fromHost: UInt64?) {
    self.board = board
    self.serialPort = serialPort
    self.toHost = toHost
    self.fromHost = fromHost
  }

  // MARK: Between two instructions

  /// Physical addresses of the words.
  package var words: [UInt64] { [toHost] + (fromHost.map { [$0] } ?? []) }

  /// `count` bytes from `address` on, on a page that one of the two words is on, are about to be stored. True when that may ask
  /// for something.
  package func noteStore(address: UInt64, count: Int) -> Bool {
    func touches(_ start: UInt64, _ size: UInt64 = 4) -> Bool {
      address < start + size && start < address + UInt64(count)
    }
    let before = storedHalves
    if touches(toHost) { storedHalves |= Halves.low }
    if touches(toHost + 4) { storedHalves |= Halves.high }
    if before == 0, storedHalves != 0 { deadline = board.now.position &+ Self.patience }
    return storedHalves != 0 || isReading && fromHost.map { touches($0, 8) } ?? false
  }

  /// The position at which there is something to do at the latest; nil when it has to be asked for.
  package var nextPosition: UInt64? { storedHalves == 0 ? nil : deadline }

  /// Does what there is to do now. True when it did something.
  ///
  /// - Parameters:
  ///   - moment: when it was asked for.
  ///   - isIdle: no hart will execute anything, so that what is stored is all there will be.
  package func serve(askedAt moment: Moment, isIdle: Bool) -> Bool {
    var hasServed = false
    if storedHalves == Halves.both || storedHalves != 0 && (isIdle || board.now.position >= deadline) {
      execute(moment)
      hasServed = true
    }
    if isReading, let fromHost, board.memory.load(UInt64.self, at: fromHost) == 0,
      serialPort.hasInput, let byte = serialPort.takeInput(count: 1).first
    {
      isReading = false
      store(Command(1 << 56).answer(0x100 | UInt64(byte)), at: fromHost)
      hasServed = true
    }
    return hasServed
  }

  private func execute(_ moment: Moment) {
    storedHalves = 0
    guard let value = board.memory.load(UInt64.self, at: toHost), value != 0 else { return }
    let command = Command(value)
    switch (command.device, command.number) {
    case (0, 0):
      // What ended the program stays there to be seen.
      if command.payload & 1 != 0 {
        return board.requestPowerOff(status: UInt32(truncatingIfNeeded: value >> 1))
      }
      store(0, at: toHost)
      callSystem(command, moment)
    case (1, 0):
      isReading = true
      store(0, at: toHost)
    case (1, 1):
      board.gate.consoleOutput(UInt8(truncatingIfNeeded: command.payload), at: moment)
      store(0, at: toHost)
      // A program that does not clear `fromhost` does not look at it.
      if let fromHost, board.memory.load(UInt64.self, at: fromHost) == 0 {
        store(command.answer(0x100 | command.payload & 0xff), at: fromHost)
      }
    default: store(0, at: toHost)
    }
  }

  /// A system call, whose number and arguments are eight doublewords at the address that is the payload. The first of them takes
  /// the result. Only what a program needs to speak and to end is there.
  private func callSystem(_ command: Command, _ moment: Moment) {
    func word(_ index: UInt64) -> UInt64? { board.memory.load(UInt64.self, at: command.payload &+ index * 8) }
    guard let number = word(0), let first = word(1), let second = word(2), let third = word(3) else { return }
    let result: UInt64
    switch number {
    case SystemCall.exit: return board.requestPowerOff(status: UInt32(truncatingIfNeeded: first))
    case SystemCall.write where first != 1 && first != 2: result = SystemCall.badFile
    case SystemCall.write: result = write(from: second, count: third, moment) ? third : SystemCall.badAddress
    default: result = SystemCall.notImplemented
    }
    store(result, at: command.payload)
    if let fromHost { store(command.answer(1), at: fromHost) }
  }

  /// Nothing, when not all of it is RAM.
  private func write(from address: UInt64, count: UInt64, _ moment: Moment) -> Bool {
    if count == 0 { return true }
    guard count <= board.memory.size, let bytes = board.memory.pointer(at: address, count: Int(count)) else {
      return false
    }
    for byte in UnsafeRawBufferPointer(start: bytes, count: Int(count)) {
      board.gate.consoleOutput(byte, at: moment)
    }
    return true
  }

  /// A store of the host's is no command.
  private func store(_ value: UInt64, at address: UInt64) {
    let halves = storedHalves
    board.memory.store(value, at: address)
    storedHalves = halves
  }

  // MARK: Device

  // It has no registers: it is in RAM.
  package func read(offset: UInt64, size: Int) -> UInt64 { 0 }
  package func write(offset: UInt64, size: Int, value: UInt64) {}
  package func inspect(offset: UInt64) -> UInt8? { nil }

  package func reset() {
    storedHalves = 0
    deadline = 0
    isReading = false
  }

  package func save(to writer: inout ByteWriter) {
    writer.uint8(storedHalves)
    writer.uint64(storedHalves == 0 ? 0 : deadline)
    writer.bool(isReading)
  }

  package func restore(from reader: inout ByteReader) throws(ByteCodingError) {
    storedHalves = try reader.uint8()
    deadline = try reader.uint64()
    isReading = try reader.bool()
    guard storedHalves <= Halves.both, deadline < 1 << 53, storedHalves != 0 || deadline == 0 else {
      throw .malformed(offset: reader.offset, what: "a host-target interface that cannot be")
    }
  }
}
