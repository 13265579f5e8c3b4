// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// The calls of RISC-V semihosting, which are ARM's: a program asks whoever holds the machine for its console, the time and its
/// end. There are no files of the host: opening one fails.
///
/// Parameters are doublewords at the address in `a1`, and the result goes into `a0`.
package final class Semihosting: Device {
  private enum Call {
    static let open: UInt64 = 0x01
    static let close: UInt64 = 0x02
    static let writeCharacter: UInt64 = 0x03
    static let writeText: UInt64 = 0x04
    static let write: UInt64 = 0x05
    static let read: UInt64 = 0x06
    static let readCharacter: UInt64 = 0x07
    static let isError: UInt64 = 0x08
    static let isTerminal: UInt64 = 0x09
    static let seek: UInt64 = 0x0a
    static let fileLength: UInt64 = 0x0c
    static let clock: UInt64 = 0x10
    static let time: UInt64 = 0x11
    static let errorNumber: UInt64 = 0x13
    static let commandLine: UInt64 = 0x15
    static let heapInformation: UInt64 = 0x16
    static let exit: UInt64 = 0x18
    static let exitExtended: UInt64 = 0x20
    static let elapsed: UInt64 = 0x30
    static let tickFrequency: UInt64 = 0x31
  }

  /// What can be open. The three parts of the console are always.
  private enum Handle {
    static let input: UInt64 = 1
    static let output: UInt64 = 2
    static let error: UInt64 = 3
    static let features: UInt64 = 4
  }

  private enum ErrorNumber {
    static let badFile: UInt8 = 9
    static let accessDenied: UInt8 = 13
    static let badAddress: UInt8 = 14
    static let invalid: UInt8 = 22
    static let notImplemented: UInt8 = 38
  }

  /// The name of the console.
  private static let consoleName = Array(":tt".utf8)
  private static let featuresName = Array(":semihosting-features".utf8)
  /// What the file of that name has: a magic number, and that there are `exitExtended` and an output for errors.
  private static let features: [UInt8] = Array("SHFB".utf8) + [3]
  /// The reason for an exit that is none but the program's own.
  private static let applicationExit: UInt64 = 0x20026
  private static let failed = ~UInt64(0)
  private static let nameLimit: UInt64 = 4096
  private static let chunk = 4096

  package let name = "semihosting"
  private unowned let host: any SemihostingHost
  private let commandLine: [UInt8]

  private var errorNumber: UInt8 = 0
  private var featuresOffset: UInt8 = 0
  /// Bit n: hart n waits for input, in front of the instruction that asks for it.
  private var waitingHarts: UInt8 = 0

  init(host: any SemihostingHost, commandLine: String) {
    self.host = host
    self.commandLine = Array(commandLine.utf8) + [0]
  }

  enum Outcome: Equatable {
    /// With what `a0` gets.
    case returns(UInt64)
    /// There is no input yet: the hart executes the same instruction again when there is.
    case waits
  }

  /// May the hart go on that waits for input?
  func isAnswered(hart: Int) -> Bool { waitingHarts >> UInt8(hart) & 1 != 0 && host.hasConsoleInput }

  /// Whether any hart waits for input.
  var hasWaitingHarts: Bool { waitingHarts != 0 }

  /// The hart runs, whatever it waited for.
  func goesOn(hart: Int) { waitingHarts &= ~(1 << UInt8(hart)) }

  // MARK: Calls

  func handle(_ call: UInt64, parameter: UInt64, hart: Int) -> Outcome {
    func word(_ index: UInt64) -> UInt64? { load(parameter &+ index * 8, hart) }
    switch call {
    case Call.readCharacter:
      guard let byte = host.takeConsoleInput(count: 1).first else { return wait(hart) }
      return .returns(UInt64(byte))
    case Call.read: return read(word(0), word(1), word(2), hart)
    case Call.writeCharacter:
      guard let byte = host.readMemory(virtual: parameter, count: 1, hart: hart).first else {
        return fail(ErrorNumber.badAddress)
      }
      put([byte])
      return .returns(0)
    case Call.writeText: return .returns(putText(at: parameter, hart))
    case Call.write: return write(word(0), word(1), word(2), hart)
    case Call.open: return open(word(0), mode: word(1), word(2), hart)
    case Call.close:
      guard let handle = word(0), isHandle(handle) else { return fail(ErrorNumber.badFile) }
      return .returns(0)
    case Call.isError: return .returns(Int64(bitPattern: word(0) ?? Self.failed) < 0 ? 1 : 0)
    case Call.isTerminal:
      guard let handle = word(0), isHandle(handle) else { return fail(ErrorNumber.badFile) }
      return .returns(handle == Handle.features ? 0 : 1)
    case Call.seek:
      guard word(0) == Handle.features, let offset = word(1), offset <= UInt64(Self.features.count) else {
        return fail(ErrorNumber.invalid)
      }
      featuresOffset = UInt8(offset)
      return .returns(0)
    case Call.fileLength:
      guard let handle = word(0), isHandle(handle) else { return fail(ErrorNumber.badFile) }
      return .returns(handle == Handle.features ? UInt64(Self.features.count) : 0)
    case Call.clock: return .returns(host.now.time / 10_000_000)
    case Call.time: return .returns(host.gate.readWallClock(at: host.now) / 1_000_000_000)
    case Call.errorNumber: return .returns(UInt64(errorNumber))
    case Call.commandLine: return giveCommandLine(word(0), size: word(1), parameter, hart)
    case Call.heapInformation:
      // Zeros: where heap and stack are is for the program to say.
      guard let block = word(0), store([UInt8](repeating: 0, count: 32), at: block, hart) else {
        return fail(ErrorNumber.badAddress)
      }
      return .returns(0)
    case Call.exit, Call.exitExtended:
      let status = word(0) == Self.applicationExit ? word(1) ?? 1 : 1
      host.requestPowerOff(status: UInt32(truncatingIfNeeded: status))
      return .returns(0)
    case Call.elapsed:
      guard store(host.now.time, at: parameter, hart) else { return fail(ErrorNumber.badAddress) }
      return .returns(0)
    case Call.tickFrequency: return .returns(1_000_000_000)
    default: return fail(ErrorNumber.notImplemented)
    }
  }

  private func wait(_ hart: Int) -> Outcome {
    waitingHarts |= 1 << UInt8(hart)
    return .waits
  }

  private func fail(_ number: UInt8) -> Outcome {
    errorNumber = number
    return .returns(Self.failed)
  }

  private func isHandle(_ handle: UInt64) -> Bool { (Handle.input...Handle.features).contains(handle) }

  private func open(_ address: UInt64?, mode: UInt64?, _ length: UInt64?, _ hart: Int) -> Outcome {
    guard let address, let mode, let length, length <= Self.nameLimit, mode < 12 else {
      return fail(ErrorNumber.invalid)
    }
    let name = host.readMemory(virtual: address, count: Int(length), hart: hart)
    switch name {
    // Modes come in fours: to read, to write, to append to.
    case Self.consoleName: return .returns([Handle.input, Handle.output, Handle.error][Int(mode / 4)])
    case Self.featuresName where mode < 2:
      featuresOffset = 0
      return .returns(Handle.features)
    default: return fail(ErrorNumber.accessDenied)
    }
  }

  /// The result is how many bytes were not written.
  private func write(_ handle: UInt64?, _ address: UInt64?, _ count: UInt64?, _ hart: Int) -> Outcome {
    guard let handle, let address, let count, handle == Handle.output || handle == Handle.error else {
      errorNumber = ErrorNumber.badFile
      return .returns(count ?? Self.failed)
    }
    var done: UInt64 = 0
    // More than there is RAM would be the same bytes again.
    while done < min(count, host.memory.size) {
      let bytes = host.readMemory(
        virtual: address &+ done, count: Int(min(count - done, UInt64(Self.chunk))), hart: hart)
      guard !bytes.isEmpty else {
        errorNumber = ErrorNumber.badAddress
        break
      }
      put(bytes)
      done += UInt64(bytes.count)
    }
    return .returns(count - done)
  }

  /// The result is how many bytes were not read.
  private func read(_ handle: UInt64?, _ address: UInt64?, _ count: UInt64?, _ hart: Int) -> Outcome {
    guard let handle, let address, let count, handle == Handle.input || handle == Handle.features else {
      errorNumber = ErrorNumber.badFile
      return .returns(count ?? Self.failed)
    }
    guard count > 0 else { return .returns(0) }
    let limit = Int(min(count, UInt64(Self.chunk)))
    guard host.readMemory(virtual: address, count: limit, hart: hart).count == limit else {
      errorNumber = ErrorNumber.badAddress
      return .returns(count)
    }
    var bytes: [UInt8]
    if handle == Handle.features {
      bytes = Array(Self.features.dropFirst(Int(featuresOffset)).prefix(limit))
      featuresOffset += UInt8(bytes.count)
    } else {
      bytes = host.takeConsoleInput(count: limit)
      if bytes.isEmpty { return wait(hart) }
    }
    // What is not RAM takes nothing.
    return .returns(store(bytes, at: address, hart) ? count - UInt64(bytes.count) : count)
  }

  private func giveCommandLine(
    _ buffer: UInt64?, size: UInt64?, _ parameter: UInt64, _ hart: Int
  ) -> Outcome {
    guard let buffer, let size, UInt64(commandLine.count) <= size else { return fail(ErrorNumber.invalid) }
    guard store(commandLine, at: buffer, hart),
      store(UInt64(commandLine.count - 1), at: parameter &+ 8, hart)
    else { return fail(ErrorNumber.badAddress) }
    return .returns(0)
  }

  // MARK: Console and memory

  private func put(_ bytes: [UInt8]) {
    let moment = host.now
    for byte in bytes { host.gate.consoleOutput(byte, at: moment) }
  }

  /// Up to a zero. Answers how many bytes.
  private func putText(at address: UInt64, _ hart: Int) -> UInt64 {
    var done: UInt64 = 0
    while done < host.memory.size {
      let bytes = host.readMemory(virtual: address &+ done, count: Self.chunk, hart: hart)
      let text = Array(bytes.prefix { $0 != 0 })
      put(text)
      done += UInt64(text.count)
      if text.count < Self.chunk { break }
    }
    return done
  }

  private func load(_ address: UInt64, _ hart: Int) -> UInt64? {
    let bytes = host.readMemory(virtual: address, count: 8, hart: hart)
    return bytes.count == 8 ? UInt64(littleEndianBytes: bytes) : nil
  }

  private func store(_ bytes: [UInt8], at address: UInt64, _ hart: Int) -> Bool {
    host.writeMemory(bytes, virtual: address, hart: hart)
  }

  private func store(_ value: UInt64, at address: UInt64, _ hart: Int) -> Bool {
    store(withUnsafeBytes(of: value.littleEndian) { Array($0) }, at: address, hart)
  }

  // MARK: Device

  // It has no registers: it is called.
  package func read(offset: UInt64, size: Int) -> UInt64 { 0 }
  package func write(offset: UInt64, size: Int, value: UInt64) {}
  package func inspect(offset: UInt64) -> UInt8? { nil }

  package func reset() {
    errorNumber = 0
    featuresOffset = 0
    waitingHarts = 0
  }

  package func save(to writer: inout ByteWriter) {
    writer.uint8(errorNumber)
    writer.uint8(featuresOffset)
    writer.uint8(waitingHarts)
  }

  package func restore(from reader: inout ByteReader) throws(ByteCodingError) {
    errorNumber = try reader.uint8()
    featuresOffset = try reader.uint8()
    waitingHarts = try reader.uint8()
    guard Int(featuresOffset) <= Self.features.count else {
      throw .malformed(offset: reader.offset, what: "semihosting in a state that cannot be")
    }
  }
}
