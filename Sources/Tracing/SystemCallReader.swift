// SPDX-License-Identifier: Apache-2.0

import Emulator

/// A system call: an `ecall` in U mode.
package struct SystemCall: Sendable, Equatable {
  package var moment: Moment
  package var hart: Int
  package var programCounter: UInt64
  /// Tells processes apart: `satp`.
  package var addressSpace: UInt64
  /// Tells the tasks of a Linux guest apart: `sscratch`, which is the address of its `task_struct` while a program runs.
  package var scratch: UInt64
  /// a7.
  package var number: UInt64
  /// a0 to a5.
  package var arguments: [UInt64]
  /// Text that arguments point to, by their number, as far as it was in memory.
  package var texts: [Int: Text]
  /// Nil when it did not return within the stretch.
  package var result: Result?

  package struct Result: Sendable, Equatable {
    /// The first instruction behind the call.
    package var position: UInt64
    package var hart: Int
    /// a0.
    package var value: UInt64
  }

  package struct Text: Sendable, Equatable {
    package var bytes: [UInt8]
    /// Its end was seen.
    package var isWhole: Bool
  }
}

/// System calls of Linux and whatever else calls as it does, with what they returned.
///
/// A call returns where a hart goes back to user mode behind the `ecall`, in the same address space and with the same stack and thread
/// pointers: so it is found on whichever hart that happens, also when signals were handled in between.
package final class SystemCallReader: TraceReader {
  /// Bytes of a text that are told at most.
  package static let textLimit = 256

  private struct Place: Hashable {
    var programCounter: UInt64
    var stackPointer: UInt64
    var threadPointer: UInt64
    var root: UInt64

    init(programCounter: UInt64, hart: Int, of machine: Machine) {
      self.programCounter = programCounter
      stackPointer = machine.register(2, hart: hart)
      threadPointer = machine.register(4, hart: hart)
      // Without the number of the address space, which Linux hands out anew now and then.
      root = (machine.controlAndStatusRegister(Register.satp, hart: hart) ?? 0) & 0xfff_ffff_ffff
    }
  }

  private enum Register {
    static let sscratch = 0x140
    static let satp = 0x180
  }

  private let hart: Int?
  private var records: OpenRecords<SystemCall>
  private var open: [Place: (number: Int, call: UInt64, scratch: UInt64)] = [:]

  /// - Parameters:
  ///   - hart: on which calls are made that count; nil: on all. They may return elsewhere.
  ///   - limit: the first so many.
  package init(hart: Int? = nil, limit: Int = .max) {
    self.hart = hart
    records = OpenRecords(limit: limit)
  }

  package func hear(_ observation: GuestObservation, of machine: Machine) {
    switch observation.event {
    case .trap(let trap)
    where !trap.isInterrupt && trap.cause == TrapCause.environmentCallFromUser
      && (hart == nil || hart == observation.hart):
      begin(observation, machine)
    case .trapReturn(let programCounter, privilege: 0): end(observation, at: programCounter, machine)
    default: break
    }
  }

  private func begin(_ observation: GuestObservation, _ machine: Machine) {
    let hart = observation.hart
    let place = Place(programCounter: observation.programCounter &+ 4, hart: hart, of: machine)
    let number = machine.register(17, hart: hart)
    let arguments = (10...15).map { machine.register($0, hart: hart) }
    let scratch = machine.controlAndStatusRegister(Register.sscratch, hart: hart) ?? 0
    var texts: [Int: SystemCall.Text] = [:]
    for index in LinuxSystemCall.named(number)?.texts ?? [] {
      texts[index] = Self.text(at: arguments[index], hart, machine)
    }
    let begun = records.begin(
      SystemCall(
        moment: observation.moment, hart: hart, programCounter: observation.programCounter,
        addressSpace: machine.controlAndStatusRegister(Register.satp, hart: hart) ?? 0, scratch: scratch,
        number: number, arguments: arguments, texts: texts))
    // Called again before it returned: a signal came, and the kernel has it restarted.
    if let old = open.removeValue(forKey: place) { records.end(old.number) }
    if let begun { open[place] = (begun, number, scratch) }
  }

  private func end(_ observation: GuestObservation, at programCounter: UInt64, _ machine: Machine) {
    let hart = observation.hart
    let place = Place(programCounter: programCounter, hart: hart, of: machine)
    guard let call = open[place] else { return }
    // A child of `vfork` comes back first, at the same place as its parent, and is another task.
    if LinuxSystemCall.makesTask(call.call),
      call.scratch != machine.controlAndStatusRegister(Register.sscratch, hart: hart) ?? 0
    {
      return
    }
    open[place] = nil
    let result = SystemCall.Result(
      position: observation.moment.position + 1, hart: hart, value: machine.register(10, hart: hart))
    records.end(call.number) { record in
      record.result = result
      // What the kernel had to fetch for itself is in memory by now.
      for index in LinuxSystemCall.named(record.number)?.texts ?? []
      where record.texts[index]?.isWhole != true {
        record.texts[index] = Self.text(at: record.arguments[index], hart, machine)
      }
    }
  }

  private static func text(at address: UInt64, _ hart: Int, _ machine: Machine) -> SystemCall.Text? {
    let bytes = machine.readMemory(virtual: address, count: textLimit, hart: hart)
    guard !bytes.isEmpty else { return nil }
    let end = bytes.firstIndex(of: 0)
    return SystemCall.Text(bytes: Array(bytes[..<(end ?? bytes.count)]), isWhole: end != nil)
  }

  package func takeRecords() throws -> [SystemCall] { try records.take() }
  package func takeRest() -> [SystemCall] { records.takeRest() }
}
