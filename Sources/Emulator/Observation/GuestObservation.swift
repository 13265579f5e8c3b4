// SPDX-License-Identifier: Apache-2.0

/// Something that a guest did besides plain instructions, as whoever looks on hears of it (`Machine.observe`).
///
/// Both engines do these things on slow paths that they share, so that they tell the same, and that nothing is paid where nobody
/// looks.
package struct GuestObservation: Sendable, Equatable {
  /// Of the instruction that it belongs to: how many were executed before it. An interrupt is taken in front of its instruction.
  package var moment: Moment
  package var hart: Int
  /// The address of that instruction.
  package var programCounter: UInt64
  /// The hart's mode when it began: 0 user, 1 supervisor, 3 machine.
  package var privilege: UInt64
  package var event: Event

  package enum Event: Sendable, Equatable {
    case trap(Trap)
    /// `mret` or `sret`: the hart goes on at `programCounter`, in `privilege`.
    case trapReturn(programCounter: UInt64, privilege: UInt64)
    /// An instruction read or wrote a device's register, at a physical address.
    case load(address: UInt64, size: Int, value: UInt64)
    case store(address: UInt64, size: Int, value: UInt64)
    /// An instruction accessed watched bytes (`Machine.observe`).
    case access(WatchedAccess)
    /// Something else than an instruction is about to change noted bytes.
    case change(NotedStore)
    /// The machine was reset: harts stood there, and stand where they start. There is no instruction to it.
    case reset(from: [UInt64])
    /// The built-in SBI was called, and has served the call.
    case firmwareCall(FirmwareCall)
  }

  package struct FirmwareCall: Sendable, Equatable {
    /// a7 and a6.
    package var extensionID: UInt64
    package var functionID: UInt64
    /// a0 to a5.
    package var arguments: [UInt64]
    /// a0 and a1 behind it; nil when it does not return.
    package var answer: Answer?

    package struct Answer: Sendable, Equatable {
      package var error: Int64
      package var value: UInt64
    }
  }

  package struct Trap: Sendable, Equatable {
    package var isInterrupt: Bool
    /// Its number, as `mcause` and `scause` have it without their top bit.
    package var cause: UInt64
    /// What `mtval` or `stval` got; 0 for an interrupt.
    package var value: UInt64
    /// The mode of its handler.
    package var handler: UInt64
    /// Where that begins.
    package var handlerAddress: UInt64
  }
}
