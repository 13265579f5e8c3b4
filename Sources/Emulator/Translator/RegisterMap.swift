// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
  /// Where translated code keeps guest state.
  ///
  /// `rbp` holds the base of the hart's memory, plus a bias that brings most integer registers within the reach of a
  /// displacement of one byte. `r15` holds the budget. Ten guest registers, those that compilers use most, live in host
  /// registers for as long as translated code runs; `rax`, `rcx` and `rdx` hold nothing from one guest instruction to the next.
  enum RegisterMap {
    static let bias = 128
    static let budget = HostRegister.r15

    /// Guest register and the host register that holds it.
    static let mapped: [(guest: Int, host: HostRegister)] = [
      (2, .rbx), (8, .r12), (9, .r13), (10, .rdi), (11, .rsi), (12, .r8), (13, .r9), (14, .r10),
      (15, .r11), (16, .r14),
    ]

    private static let hosts: [HostRegister?] = {
      var hosts = [HostRegister?](repeating: nil, count: 33)
      for (guest, host) in mapped { hosts[guest] = host }
      return hosts
    }()

    static func host(_ guest: UInt8) -> HostRegister? { hosts[Int(guest)] }

    /// x0 is the place in memory that always holds zero, and what is written to it goes to the bin.
    static func operand(_ guest: UInt8) -> HostOperand {
      hosts[Int(guest)].map { .register($0) } ?? place(ofGuest: Int(guest))
    }

    static func place(ofGuest guest: Int) -> HostOperand { .memory(Int32(guest * 8 - bias)) }

    // Displacements of fields of `HartState`.
    static let pc = displacement(\.pc)
    static let budgetField = displacement(\.budget)
    static let pageBase = displacement(\.pageBase)
    static let jumpTag = displacement(\.jumpTag)
    static let linkSite = displacement(\.linkSite)
    static let attention = displacement(\.attention)
    static let transferCursor = displacement(\.transferCursor)
    static let transferLimit = displacement(\.transferLimit)
    static let hostStatus = displacement(\.hostStatus)
    static let fflags = displacement(\.fflags)
    static let frm = displacement(\.frm)
    static let mstatus = displacement(\.mstatus)
    static let privilege = displacement(\.privilege)
    static let menvcfg = displacement(\.menvcfg)
    static let senvcfg = displacement(\.senvcfg)
    static let reservationAddress = displacement(\.reservationAddress)
    static let reservationValue = displacement(\.reservationValue)

    static func displacement(of table: TranslationCache.Table, context: Int) -> Int32 {
      Int32(
        Hart.translationCacheOffset + context * TranslationCache.contextByteCount
          + table.rawValue * TranslationCache.tableByteCount - bias)
    }

    static func displacement(ofInlineCaches context: Int) -> Int32 {
      Int32(
        Hart.translationCacheOffset + context * TranslationCache.contextByteCount
          + TranslationCache.inlineCachesOffset - bias)
    }

    static func displacement(ofFloatingPoint register: UInt8) -> Int32 {
      Int32(Hart.floatingPointOffset + Int(register) * 8 - bias)
    }

    static func place(ofFloatingPoint register: UInt8) -> HostOperand {
      .memory(displacement(ofFloatingPoint: register))
    }

    private static func displacement(_ field: PartialKeyPath<HartState>) -> Int32 {
      // Every stored property of a plain struct has an offset.
      Int32(Hart.stateOffset + MemoryLayout<HartState>.offset(of: field)! - bias)
    }
  }
#endif
