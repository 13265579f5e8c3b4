// SPDX-License-Identifier: Apache-2.0

/// A change of guest memory, by whatever changed it.
public struct NotedStore: Sendable, Equatable {
  public enum Source: Sendable, Equatable {
    /// An instruction of `hart`.
    case instruction
    /// The walk of `hart` through page tables set an A or D bit.
    case pageTableWalk
    /// The built-in SBI, called by `hart`.
    case firmware
    /// DMA of the device with a register at this physical address, which `hart` wrote to.
    case device(register: UInt64)
    /// DMA of a drive, when this request was answered.
    case blockCompletion(drive: Int, request: UInt64)
    /// DMA of a network card, which a frame came in for.
    case frame(interface: Int)
    /// The host-target interface, which takes commands and gives answers: right after the instruction that asked, or between two.
    case hostInterface(isAfterInstruction: Bool)
    /// A reset of the machine, which clears and loads memory. One that the guest asked for comes right after the
    /// instruction that did.
    case reset(byGuest: Bool)
  }

  public var source: Source
  /// Position of the instruction that was being executed, or, for what happens between two, of the next one.
  public var position: UInt64
  /// The hart, and its program counter: of that instruction, where there is one.
  public var hart: Int
  public var programCounter: UInt64
  /// The first byte that was changed and is noted, and how many from there on were written, noted or not.
  public var address: UInt64
  public var byteCount: Int
}
