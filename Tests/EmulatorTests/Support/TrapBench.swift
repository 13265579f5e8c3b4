// SPDX-License-Identifier: Apache-2.0

import Emulator

/// Runs a few instructions in a mode of choice and tells what the first trap into M mode reported.
///
/// Code ends with an `ecall` of its own; so `cause` is 8, 9 or 11 when nothing went wrong before.
struct TrapBench {
  enum Mode: UInt64 {
    case user = 0
    case supervisor = 1
    case machine = 3
    /// `ecall` from here: nothing went wrong.
    var completion: UInt64 { rawValue + 8 }
  }

  struct Outcome {
    var cause: UInt64
    var epc: UInt64
    var value: UInt64
    var status: UInt64
    var machine: Machine
    /// Address of the code under test, as the hart sees it.
    var code: UInt64
    func register(_ index: Int) -> UInt64 { machine.register(index, hart: 0) }
  }

  /// Where the program stands in user pages, with translation on.
  static let userCode: UInt64 = 0x4000_8000
  static let root = ramBase + 0x10000
  /// 4 KiB pages from 0x4000_0000 on; entry 8 is the program, for U mode.
  static let leaves = ramBase + 0x12000
  /// A frame that has 0x11, 0x12 and so on in its bytes' low halves; and another one behind it.
  static let frame = ramBase + 0x20000

  static let valid: UInt64 = 1
  static let all: UInt64 = 0xcf
  static let user: UInt64 = 0x10
  static func entry(_ address: UInt64, _ flags: UInt64) -> UInt64 { address >> 2 | flags }

  var engine: Machine.Engine
  var processor = ProcessorModel.rv64
  var mode = Mode.machine
  /// Sv39 when set: entries of `leaves`, and of the table of megapages from 0x4020_0000 on.
  var pages: [Int: UInt64]?
  var megapages: [Int: UInt64] = [:]
  var isSv48 = false
  var setup: (inout Assembly) -> Void = { _ in }
  var code: (inout Assembly) -> Void

  func run() -> Outcome {
    typealias I = Instruction
    typealias R = Register
    typealias C = ControlRegister
    var program = Assembly()
    program.loadAddress(R.t0, "handler")
    program.emit(I.csrw(C.mtvec, R.t0))
    program.set(C.pmpaddr0 + 15, ~0 >> 10)
    program.set(C.pmpcfg0 + 2, 0x1f << 56)
    program.load(R.s0, 0x4000_0000)
    program.load(R.s1, Self.frame)
    setup(&program)
    if pages != nil {
      program.set(C.satp, (isSv48 ? 9 : 8) << 60 | (isSv48 ? Self.root + 0x3000 : Self.root) >> 12)
    }
    program.load(R.t0, 0x1800)
    program.emit(I.csrrc(0, C.mstatus, R.t0))
    program.load(R.t0, mode.rawValue << 11)
    program.emit(I.csrrs(0, C.mstatus, R.t0))
    program.loadAddress(R.t0, "code")
    if pages != nil, mode == .user {
      program.load(R.t1, Self.userCode &- ramBase)
      program.emit(I.add(R.t0, R.t0, R.t1))
    }
    program.emit(I.csrw(C.mepc, R.t0), I.mret)
    program.align(4)
    program.label("handler")
    program.load(R.t6, ramBase + 0xf000)
    for (index, csr) in [C.mcause, C.mepc, C.mtval, C.mstatus].enumerated() {
      program.emit(I.csrr(R.t5, csr), I.sd(R.t5, R.t6, index * 8))
    }
    program.label("end")
    program.jump("end")
    program.align(4)
    program.label("code")
    code(&program)
    program.emit(I.ecall)

    var regions = [
      BootPlan.Region(address: Self.frame, bytes: (0..<8192).map { UInt8(truncatingIfNeeded: $0 + 0x11) })
    ]
    if let pages {
      let program = Self.entry(ramBase, 0xd9 | 2)
      regions += [
        pageTable(
          at: Self.root,
          [0: Self.all, 1: Self.entry(Self.root + 0x1000, Self.valid), 2: Self.entry(ramBase, Self.all)]),
        pageTable(
          at: Self.root + 0x1000,
          megapages.merging([0: Self.entry(Self.leaves, Self.valid)]) { first, _ in first }),
        pageTable(at: Self.leaves, pages.merging([8: program]) { first, _ in first }),
        pageTable(at: Self.root + 0x3000, [0: Self.entry(Self.root, Self.valid)]),
      ]
    }
    let machine = makeMachine(
      program: program.assembled(), extra: regions, processor: processor, engine: engine)
    // So short a program would not get hot.
    if engine == .translator {
      machine.makeBlocks(ofAtMost: Machine.blockLengthLimit, translatedAtOnce: true)
    }
    _ = machine.run(until: 2_000)
    let log = ramBase + 0xf000
    let offset = pages != nil && mode == .user ? Self.userCode &- ramBase : 0
    return Outcome(
      cause: machine.doubleword(log), epc: machine.doubleword(log + 8), value: machine.doubleword(log + 16),
      status: machine.doubleword(log + 24), machine: machine, code: program.address(of: "code") &+ offset)
  }
}
