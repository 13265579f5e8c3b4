// SPDX-License-Identifier: Apache-2.0

import Emulator
import Testing

/// Modes, traps, interrupts, counters and PMP (volume II, chapters 2 to 4).
@Suite struct PrivilegeTests {
  private typealias I = Instruction
  private typealias R = Register
  private typealias C = ControlRegister
  private typealias Bench = TrapBench
  /// Bit 63 of `mcause`.
  private static let interrupt: UInt64 = 1 << 63

  @Test(arguments: Machine.Engine.both) func environmentCalls(engine: Machine.Engine) {
    for mode in [Bench.Mode.user, .supervisor, .machine] {
      let result = Bench(engine: engine, mode: mode, code: { _ in }).run()
      #expect(result.cause == mode.completion)
      #expect(result.epc == result.code)
      #expect(result.status >> 11 & 3 == mode.rawValue, "MPP is where the trap came from")
    }
  }

  /// What a bit of mstatus or a mode forbids is an illegal instruction, and its word is the trap's value.
  @Test(arguments: Machine.Engine.both) func illegalInstructions(engine: Machine.Engine) {
    let cases: [(Bench.Mode, UInt64, UInt32, Bool)] = [
      (.supervisor, 0, I.sfenceVMA, true), (.supervisor, 1 << 20, I.sfenceVMA, false),
      (.user, 0, I.sfenceVMA, false), (.supervisor, 0, I.csrr(R.a0, C.satp), true),
      (.supervisor, 1 << 20, I.csrr(R.a0, C.satp), false), (.machine, 1 << 20, I.csrr(R.a0, C.satp), true),
      (.supervisor, 1 << 22, I.sret, false), (.user, 0, I.sret, false), (.supervisor, 0, I.mret, false),
      (.supervisor, 1 << 21, I.wfi, false), (.user, 0, I.wfi, false),
      (.supervisor, 0, I.csrr(R.a0, C.mstatus), false),
      (.user, 0, I.csrr(R.a0, C.sstatus), false), (.machine, 0, I.csrw(C.mhartid, R.a0), false),
      (.machine, 0, I.csrr(R.a0, C.mhartid), true), (.machine, 0, I.csrr(R.a0, 0x5c0), false),
      (.user, 0, I.csrr(R.a0, C.cycle), false), (.machine, 0, I.csrr(R.a0, C.cycle), true),
      (.machine, 0, I.csrr(R.a0, 0x001), false), (.machine, 1 << 13, I.csrr(R.a0, 0x001), true),
      (.machine, 0, I.flw(1, R.s1), false), (.machine, 1 << 13, I.flw(1, R.s1), true),
      (.supervisor, 0, I.csrr(R.a0, C.stimecmp), false), (.machine, 0, 0, false), (.machine, 0, ~0, false),
    ]
    for (mode, status, word, isLegal) in cases {
      let result = Bench(
        engine: engine, mode: mode,
        setup: {
          $0.load(R.t0, status)
          $0.emit(I.csrrs(0, C.mstatus, R.t0))
        }, code: { $0.emit(word) }
      ).run()
      let what: Comment = "\(String(word, radix: 16)) in \(mode), mstatus \(String(status, radix: 16))"
      #expect(result.cause == (isLegal ? mode.completion : 2), what)
      if !isLegal {
        #expect(result.value == (word == 0 ? 0 : UInt64(word)), what)
        #expect(result.epc == result.code, what)
      }
    }
  }

  /// A delegated trap goes to S mode, one from M mode never does; then a second one, from the handler, to M mode.
  @Test(arguments: Machine.Engine.both) func delegation(engine: Machine.Engine) {
    func run(_ mode: Bench.Mode) -> Bench.Outcome {
      Bench(
        engine: engine, mode: mode,
        setup: {
          $0.set(C.medeleg, 1 << 3)
          $0.loadAddress(R.t0, "supervisorHandler")
          $0.emit(I.csrw(C.stvec, R.t0))
        },
        code: {
          $0.emit(I.ebreak)
          $0.align(4)
          $0.label("supervisorHandler")
          $0.emit(
            I.csrr(R.a0, C.scause), I.csrr(R.a1, C.sepc), I.csrr(R.a2, C.stval), I.csrr(R.a3, C.sstatus))
        }
      ).run()
    }
    for mode in [Bench.Mode.user, .supervisor] {
      let result = run(mode)
      #expect(result.cause == 9, "the handler's own call comes from S mode")
      #expect(result.register(R.a0) == 3)
      #expect(result.register(R.a1) == result.code)
      #expect(result.register(R.a2) == result.code)
      #expect(result.register(R.a3) >> 8 & 1 == mode.rawValue, "SPP")
    }
    #expect(run(.machine).cause == 3)
  }

  /// The order of interrupts that are pending together, and the vector of each.
  @Test(arguments: Machine.Engine.both) func interruptPriorityAndVectors(engine: Machine.Engine) {
    for (pending, expected) in [(0x222, 9), (0x022, 1), (0x020, 5), (0x202, 9)] as [(UInt64, UInt64)] {
      for hasSoftware in [false, true] {
        let result = Bench(
          engine: engine, mode: .supervisor,
          setup: {
            $0.load(R.t1, 0x200_0000)
            $0.load(R.t2, hasSoftware ? 1 : 0)
            $0.emit(I.sw(R.t2, R.t1))
            $0.set(C.mip, pending)
            $0.set(C.mie, 0x22a)
          }, code: { $0.emit(I.nop) }
        ).run()
        #expect(result.cause == Self.interrupt | (hasSoftware ? 3 : expected))
        #expect(result.epc == result.code, "before the first instruction")
        #expect(result.value == 0)
      }
    }
    // Vectored: base + 4 × cause for interrupts, the base for exceptions.
    for isInterrupt in [true, false] {
      let result = Bench(
        engine: engine, mode: .user,
        setup: {
          $0.loadAddress(R.t0, "vectors")
          $0.emit(I.addi(R.t0, R.t0, 1), I.csrw(C.mtvec, R.t0))
          if isInterrupt {
            $0.set(C.mip, 0x20)
            $0.set(C.mie, 0x20)
          }
        },
        code: {
          $0.emit(I.ebreak)
          $0.align(256)
          $0.label("vectors")
          for index in 0..<12 {
            $0.emit(I.addi(R.a0, R.a0, 1))
            if index == 11 { $0.jump("handler") }
          }
        }
      ).run()
      #expect(result.register(R.a0) == (isInterrupt ? 7 : 12))
      #expect(result.cause == (isInterrupt ? Self.interrupt | 5 : 3))
    }
  }

  /// Interrupts of S mode that are delegated stay out of M mode, and out of S mode while SIE is clear.
  @Test(arguments: Machine.Engine.both) func interruptsAreMasked(engine: Machine.Engine) {
    func cause(_ mode: Bench.Mode, mideleg: UInt64, status: UInt64) -> UInt64 {
      Bench(
        engine: engine, mode: mode,
        setup: {
          $0.set(C.mideleg, mideleg)
          $0.set(C.mip, 2)
          $0.set(C.mie, 2)
          $0.loadAddress(R.t0, "supervisorHandler")
          $0.emit(I.csrw(C.stvec, R.t0))
          $0.load(R.t0, status)
          $0.emit(I.csrrs(0, C.mstatus, R.t0))
        },
        code: {
          $0.emit(I.addi(R.a0, 0, 0), I.nop, I.ecall)
          $0.align(4)
          $0.label("supervisorHandler")
          $0.emit(I.ebreak)
        }
      ).run().cause
    }
    let (sie, mpie): (UInt64, UInt64) = (1 << 1, 1 << 7)
    #expect(cause(.machine, mideleg: 0, status: 0) == 11, "MIE is clear")
    #expect(cause(.machine, mideleg: 0, status: mpie) == Self.interrupt | 1)
    #expect(cause(.machine, mideleg: 2, status: mpie | sie) == 11, "delegated: never in M mode")
    #expect(
      cause(.supervisor, mideleg: 0, status: 0) == Self.interrupt | 1, "M mode's interrupts are on in S mode")
    #expect(cause(.supervisor, mideleg: 2, status: 0) == 9, "SIE is clear")
    #expect(cause(.supervisor, mideleg: 2, status: sie) == 3, "the handler in S mode is entered")
    #expect(cause(.user, mideleg: 2, status: 0) == 3, "in U mode always")
  }

  /// MPRV: loads in M mode act as those of MPP, and mret to a lower mode ends it.
  @Test(arguments: Machine.Engine.both) func modifiedPrivilege(engine: Machine.Engine) {
    let result = Bench(
      engine: engine, mode: .machine, pages: [0: Bench.entry(Bench.frame, 0xd7)],
      code: {
        $0.load(R.t0, 0x1800)
        $0.emit(I.csrrc(0, C.mstatus, R.t0))
        $0.load(R.t0, 1 << 17)
        $0.emit(I.csrrs(0, C.mstatus, R.t0), I.ld(R.a0, R.s0))
        $0.loadAddress(R.t0, "lower")
        $0.load(R.t1, Bench.userCode &- ramBase)
        $0.emit(I.add(R.t0, R.t0, R.t1), I.csrw(C.mepc, R.t0), I.mret)
        $0.label("lower")
        $0.emit(I.nop)
      }
    ).run()
    #expect(result.register(R.a0) == 0x1817_1615_1413_1211)
    #expect(result.cause == 8)
    #expect(result.status >> 17 & 1 == 0, "mret has cleared MPRV")
  }

  @Test(arguments: Machine.Engine.both) func misalignedAtomics(engine: Machine.Engine) {
    for (word, cause) in [
      (I.lrW(R.a0, R.a1), 4), (I.lrD(R.a0, R.a1), 4), (I.scW(R.a0, R.a2, R.a1), 6),
      (I.amoaddD(R.a0, R.a2, R.a1), 6),
    ] as [(UInt32, UInt64)] {
      let result = Bench(
        engine: engine,
        code: {
          $0.load(R.a1, Bench.frame + 2)
          $0.emit(word)
        }
      ).run()
      #expect(result.cause == cause)
      #expect(result.value == Bench.frame + 2)
    }
  }

  @Test(arguments: Machine.Engine.both) func counters(engine: Machine.Engine) {
    // What is written is what the next instruction reads, and each instruction counts one.
    let result = Bench(
      engine: engine,
      code: {
        $0.load(R.t1, 1_000)
        $0.emit(I.csrw(C.minstret, R.t1), I.csrr(R.a0, C.minstret), I.nop, I.csrr(R.a1, C.minstret))
        $0.emit(
          I.csrw(C.mcycle, R.t1), I.addi(R.t2, 0, 5), I.csrw(C.mcountinhibit, R.t2), I.csrr(R.a2, C.mcycle))
        $0.emit(
          I.nop, I.csrr(R.a3, C.mcycle), I.csrw(C.mcountinhibit, 0), I.csrr(R.a4, C.mcycle),
          I.csrr(R.a5, C.cycle))
      }
    ).run()
    #expect(result.register(R.a0) == 1_000)
    #expect(result.register(R.a1) == 1_002)
    #expect(result.register(R.a3) == result.register(R.a2), "inhibited")
    #expect(
      result.register(R.a4) == result.register(R.a2) + 1, "and goes on with the instruction that lets it")
    #expect(result.register(R.a5) == result.register(R.a4) + 1)
    // mcounteren and scounteren, each for the modes below.
    for (mode, machine, supervisor, isLegal) in [
      (.user, 1, 1, true), (.user, 1, 0, false), (.user, 0, 1, false), (.supervisor, 1, 0, true),
      (.supervisor, 0, 1, false),
    ] as [(Bench.Mode, UInt64, UInt64, Bool)] {
      let result = Bench(
        engine: engine, mode: mode,
        setup: {
          $0.set(C.mcounteren, machine)
          $0.set(C.scounteren, supervisor)
        }, code: { $0.emit(I.csrr(R.a0, C.cycle)) }
      ).run()
      #expect(result.cause == (isLegal ? mode.completion : 2))
    }
  }

  @Test(arguments: Machine.Engine.both) func supervisorTimer(engine: Machine.Engine) {
    for (stce, timer, isLegal) in [(true, true, true), (true, false, false), (false, true, false)] {
      let result = Bench(
        engine: engine, mode: .supervisor,
        setup: {
          $0.set(C.menvcfg, stce ? 1 << 63 : 0)
          $0.set(C.mcounteren, timer ? 2 : 0)
        }, code: { $0.emit(I.csrw(C.stimecmp, 0), I.nop, I.csrr(R.a0, C.sip)) }
      ).run()
      #expect(result.cause == (isLegal ? 9 : 2))
    }
    // STIP is there as soon as time has come, and falls with the next write; software has no say.
    let result = Bench(
      engine: engine,
      code: {
        $0.set(C.menvcfg, 1 << 63)
        $0.emit(I.csrr(R.a0, C.mip), I.csrw(C.stimecmp, 0), I.csrr(R.a1, C.mip))
        $0.load(R.t1, ~0)
        $0.emit(I.csrw(C.stimecmp, R.t1), I.csrr(R.a2, C.mip), I.csrw(C.mip, R.t1), I.csrr(R.a3, C.mip))
        // time wraps: with it falls what had risen.
        $0.load(R.t2, 0x200_bff8)
        $0.load(R.t3, ~2)
        $0.emit(I.sd(R.t3, R.t2), I.addi(R.t4, 0, 100), I.csrw(C.stimecmp, R.t4), I.csrr(R.a4, C.mip))
        $0.load(R.t5, 300)
        $0.label("wait")
        $0.emit(I.addi(R.t5, R.t5, -1))
        $0.branch(.notEqual, R.t5, 0, "wait")
        $0.emit(I.csrr(R.a5, C.mip))
      }
    ).run()
    let stip: UInt64 = 0x20
    #expect(result.register(R.a0) & stip == 0)
    #expect(result.register(R.a1) & stip == stip)
    #expect(result.register(R.a2) & stip == 0)
    #expect(result.register(R.a3) & stip == 0)
    #expect(result.register(R.a4) & stip == stip)
    #expect(result.register(R.a5) & stip == 0, "mtime has wrapped to zero")
  }

  /// One entry on the frame, and what it lets through, from S mode and from M mode.
  @Test(arguments: Machine.Engine.both) func physicalMemoryProtection(engine: Machine.Engine) {
    let frame = Bench.frame
    func cause(
      _ mode: Bench.Mode, _ word: UInt32, offset: UInt64, addresses: [UInt64], _ configuration: UInt64
    ) -> UInt64 {
      let result = Bench(
        engine: engine, mode: mode,
        setup: {
          for (index, address) in addresses.enumerated() { $0.set(C.pmpaddr0 + index, address) }
          $0.set(C.pmpcfg0, configuration)
        },
        code: {
          $0.load(R.a1, frame + offset)
          $0.emit(word)
        }
      ).run()
      if result.cause == 5 || result.cause == 7 { #expect(result.value == frame + offset) }
      return result.cause
    }
    let (load, word, store) = (I.ld(R.a0, R.a1), I.lw(R.a0, R.a1), I.sb(R.a0, R.a1))
    let four = [(frame + 8) >> 2]
    // NA4 without any permission: the four bytes, and what touches them.
    #expect(cause(.supervisor, word, offset: 8, addresses: four, 0x10) == 5)
    #expect(cause(.supervisor, word, offset: 12, addresses: four, 0x10) == 9)
    #expect(cause(.supervisor, word, offset: 4, addresses: four, 0x10) == 9)
    #expect(cause(.supervisor, word, offset: 6, addresses: four, 0x10) == 5, "in part is not at all")
    #expect(
      cause(.supervisor, load, offset: 8, addresses: four, 0x17) == 5, "the entry must hold all of the access"
    )
    #expect(cause(.machine, word, offset: 8, addresses: four, 0x10) == 11, "M mode, not locked")
    #expect(cause(.machine, word, offset: 8, addresses: four, 0x90) == 5, "M mode, locked")
    #expect(cause(.supervisor, store, offset: 8, addresses: four, 0x11) == 7)
    #expect(cause(.supervisor, word, offset: 8, addresses: four, 0x11) == 9)
    // NAPOT, 4 KiB.
    let page = [frame >> 2 | 0x1ff]
    #expect(cause(.supervisor, word, offset: 0xffc, addresses: page, 0x18) == 5)
    #expect(cause(.supervisor, word, offset: 0x1000, addresses: page, 0x18) == 9)
    // TOR: from entry 0's address up to entry 1's.
    let range = [(frame + 0x10) >> 2, (frame + 0x20) >> 2]
    #expect(cause(.supervisor, word, offset: 0x0c, addresses: range, 0x0800) == 9)
    #expect(cause(.supervisor, word, offset: 0x10, addresses: range, 0x0800) == 5)
    #expect(cause(.supervisor, word, offset: 0x1c, addresses: range, 0x0800) == 5)
    #expect(cause(.supervisor, word, offset: 0x20, addresses: range, 0x0800) == 9)
    #expect(
      cause(.supervisor, store, offset: 0x10, addresses: range.reversed(), 0x0800) == 9, "an empty range")
    // The first entry that matches decides.
    #expect(cause(.supervisor, word, offset: 8, addresses: [four[0], page[0]], 0x1811) == 9)
    // Nothing may be fetched from here.
    #expect(cause(.supervisor, I.jalr(0, R.a1), offset: 0, addresses: page, 0x1b) == 1)
  }

  /// S mode may access only what an entry allows: nothing without an entry, and nothing with one that holds no byte.
  @Test(arguments: Machine.Engine.both) func withoutAMatchNothingIsAllowed(engine: Machine.Engine) {
    for configuration in [0, 0x0f] as [UInt64] {
      let result = Bench(
        engine: engine, mode: .supervisor,
        setup: {
          $0.set(C.pmpcfg0 + 2, 0)
          $0.set(C.pmpaddr0, 0)
          $0.set(C.pmpcfg0, configuration)
        }, code: { $0.emit(I.nop) }
      ).run()
      #expect(result.cause == 1, "pmpcfg0 \(configuration)")
      #expect(result.epc == result.code)
    }
  }

  /// Page tables are read, and their A and D bits set, as S mode would: what PMP forbids is an access fault of the
  /// kind of the access that needed them.
  @Test(arguments: Machine.Engine.both) func physicalMemoryProtectionOfPageTables(engine: Machine.Engine) {
    let accesses: [(UInt32, UInt64)] = [(I.ld(R.a0, R.s0), 5), (I.sd(R.a0, R.s0), 7), (I.jalr(0, R.s0), 1)]
    for (word, cause) in accesses {
      // The table may be: neither read nor written; read, with bits to set; read, with none to set.
      for (permissions, flags, isRefused) in [
        (0, 0xcf, true), (1, 0x0f, true), (1, 0xcf, false), (3, 0x0f, false),
      ]
        as [(UInt64, UInt64, Bool)]
      {
        let entry = Bench.entry(Bench.frame, flags)
        let result = Bench(
          engine: engine, mode: .supervisor, pages: [0: entry],
          setup: {
            $0.load(R.t1, Bench.frame)
            $0.load(R.t2, UInt64(I.ecall))
            $0.emit(I.sw(R.t2, R.t1))
            $0.set(C.menvcfg, 1 << 61)
            $0.set(C.pmpaddr0, Bench.leaves >> 2 | 0x1ff)
            $0.set(C.pmpcfg0, 0x18 | permissions)
          }, code: { $0.emit(word) }
        ).run()
        let what: Comment =
          "\(String(word, radix: 16)), permissions \(permissions), entry \(String(flags, radix: 16))"
        #expect(result.cause == (isRefused ? cause : 9), what)
        if isRefused {
          #expect(result.value == 0x4000_0000, what)
          #expect(result.machine.doubleword(Bench.leaves) == entry, what)
        }
      }
    }
  }

  /// A floating-point load from a device makes FS dirty as one from RAM does, each time; one that faults does not.
  @Test(arguments: Machine.Engine.both) func floatingPointStateIsDirty(engine: Machine.Engine) {
    let bootROM: UInt64 = 0x1000
    for address in [bootROM, Bench.frame, 0x4000_0000] {
      for word in [I.flw(1, R.a1), I.typeI(0x07, 3, 1, R.a1, 0)] {
        let result = Bench(
          engine: engine,
          code: {
            $0.load(R.a1, address)
            // Often enough to be translated.
            $0.load(R.s2, 20)
            $0.load(R.s3, 0x6000)
            $0.load(R.s4, 0x2000)
            $0.label("loop")
            $0.emit(I.csrrc(0, C.mstatus, R.s3), I.csrrs(0, C.mstatus, R.s4), word, I.addi(R.s2, R.s2, -1))
            $0.branch(.notEqual, R.s2, 0, "loop")
          }
        ).run()
        let faults = address == 0x4000_0000
        #expect(result.cause == (faults ? 5 : 11))
        #expect(result.status >> 13 & 3 == (faults ? 1 : 3), "FS after \(String(word, radix: 16))")
      }
    }
  }

  /// A locked entry stays as it is, and so does the address below a locked top of range.
  @Test(arguments: Machine.Engine.both) func lockedEntriesStay(engine: Machine.Engine) {
    let result = Bench(
      engine: engine,
      code: {
        $0.set(C.pmpaddr0, 0x111)
        $0.set(C.pmpaddr0 + 1, 0x222)
        $0.set(C.pmpcfg0, 0x8f00)
        $0.set(C.pmpaddr0, 0x333)
        $0.set(C.pmpaddr0 + 1, 0x444)
        $0.set(C.pmpcfg0, 0)
        $0.emit(I.csrr(R.a0, C.pmpaddr0), I.csrr(R.a1, C.pmpaddr0 + 1), I.csrr(R.a2, C.pmpcfg0))
      }
    ).run()
    #expect(result.register(R.a0) == 0x111)
    #expect(result.register(R.a1) == 0x222)
    #expect(result.register(R.a2) == 0x8f00)
  }
}
