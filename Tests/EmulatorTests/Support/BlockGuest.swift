// SPDX-License-Identifier: Apache-2.0

import Emulator

/// A guest that keeps its drive busy: over and over a read and a write at once, and work until both are answered.
enum BlockGuest {
  static let drive = MachineConfiguration.Drive(sectorCount: 128, isReadOnly: false, serial: "")
  /// Rounds that are done, work done while waiting, and a sum over what was read.
  static let rounds = counters + 8

  private static let counters = ramBase + 0x7000
  private static let queue = ramBase + 0x8000
  private static let headers = ramBase + 0x9000
  private static let incoming = ramBase + 0xa000
  private static let outgoing = ramBase + 0xa200

  static var program: Assembly {
    typealias I = Instruction
    typealias R = Register
    var program = Assembly()
    // Chains of header, data and status: a read from descriptor 0 on, a write from 3 on.
    for (first, header, data, dataFlags) in [(0, headers, incoming, 3), (3, headers + 0x40, outgoing, 1)]
      as [(Int, UInt64, UInt64, UInt64)]
    {
      program.writeDescriptor(
        first, queue: queue, address: header, count: 16, flags: 1, next: UInt64(first) + 1)
      program.writeDescriptor(
        first + 1, queue: queue, address: data, count: 512, flags: dataFlags, next: UInt64(first) + 2)
      program.writeDescriptor(first + 2, queue: queue, address: header + 0x20, count: 1, flags: 2)
    }
    // The ring of 8 names the two in turn.
    program.load(R.s1, queue + Assembly.driverRing)
    program.load(R.t2, 3 << 16)
    for entry in 0..<4 { program.emit(I.sw(R.t2, R.s1, 4 + entry * 4)) }
    program.load(R.s2, queue + Assembly.deviceRing)
    program.load(R.s3, headers)
    program.emit(I.addi(R.t2, 0, 1), I.sw(R.t2, R.s3, 0x40))
    program.load(R.s0, counters)
    program.load(R.s7, incoming)
    program.load(R.s8, outgoing)
    program.startVirtioDevice(slot: 0, queue: queue, size: 8)

    program.label("round")
    program.emit(I.addi(R.s4, R.s4, 1), I.andi(R.t2, R.s4, 0x7f), I.sd(R.t2, R.s3, 8), I.sd(R.t2, R.s3, 0x48))
    program.emit(I.addi(R.s5, R.s5, 2), I.sh(R.s5, R.s1, 2), I.sw(0, R.a5, 0x50))
    program.label("wait")
    program.emit(I.ld(R.t3, R.s0), I.addi(R.t3, R.t3, 1), I.sd(R.t3, R.s0), I.lh(R.t4, R.s2, 2))
    program.branch(.notEqual, R.t4, R.s5, "wait")
    program.emit(I.ld(R.t5, R.s7), I.add(R.s6, R.s6, R.t5), I.sd(R.s6, R.s8), I.sd(R.s4, R.s0, 8))
    program.jump("round")
    return program
  }

  static func machine(gate: ScriptedGate, engine: Machine.Engine) -> Machine {
    makeMachine(program, shift: 2, gate: gate, drives: [drive], engine: engine)
  }
}
