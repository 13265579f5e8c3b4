// SPDX-License-Identifier: Apache-2.0

/// Calls of semihosting (RISC-V Semihosting Specification, section "Semihosting Trap Instruction Sequence").
extension Interpreter {
  private static let before: UInt32 = 0x01f0_1013  // slli x0, x0, 31
  private static let call: UInt32 = 0x0010_0073  // ebreak
  private static let behind: UInt32 = 0x4070_5013  // srai x0, x0, 7

  /// Does the `ebreak` stand between the two instructions that make it a call? None of the three may be a short form, and they must
  /// be on one page, as on QEMU. U mode makes no calls.
  func isSemihostingCall(_ hart: Hart, _ instruction: UnsafePointer<DecodedInstruction>) -> Bool {
    let privilege = hart.state.pointee.privilege
    let address = address(of: instruction, hart)
    let offset = address & 0xfff
    guard privilege != Privilege.user, instruction.pointee.raw == Self.call, instruction.pointee.length == 4,
      (4...4096 - 8).contains(offset),
      case .physical(let physical, _) = translate(hart, address, .fetch, privilege: privilege),
      let host = memory.readablePointer(at: physical - 4, count: 12)
    else { return false }
    return host.loadUnaligned(as: UInt32.self) == Self.before
      && host.loadUnaligned(fromByteOffset: 8, as: UInt32.self) == Self.behind
  }

  func callSemihosting(_ hart: Hart, _ instruction: UnsafePointer<DecodedInstruction>) {
    let isDone = withMachine { $0.semihostingCall(hart: hart.index) }
    let state = hart.state
    leaveBlock(hart, after: instruction)
    // Taking input may have lowered an interrupt.
    state.pointee.attention |= Attention.interrupts
    guard !isDone else { return }
    state.pointee.pc = address(of: instruction, hart)
    state.pointee.isWaiting = 1
    state.pointee.attention |= Attention.leave
  }
}
