// SPDX-License-Identifier: Apache-2.0

/// The manual's names of what traps come from.
package enum TrapCause {
  /// Volume II, table "Machine cause register values after trap".
  package static func name(ofException cause: UInt64) -> String {
    switch cause {
    case 0: "instruction address misaligned"
    case ExceptionCause.instructionAccessFault: "instruction access fault"
    case ExceptionCause.illegalInstruction: "illegal instruction"
    case ExceptionCause.breakpoint: "breakpoint"
    case ExceptionCause.loadAddressMisaligned: "load address misaligned"
    case ExceptionCause.loadAccessFault: "load access fault"
    case ExceptionCause.storeAddressMisaligned: "store address misaligned"
    case ExceptionCause.storeAccessFault: "store access fault"
    case ExceptionCause.environmentCallFromUser: "environment call from U mode"
    case ExceptionCause.environmentCallFromSupervisor: "environment call from S mode"
    case ExceptionCause.environmentCallFromMachine: "environment call from M mode"
    case ExceptionCause.instructionPageFault: "instruction page fault"
    case ExceptionCause.loadPageFault: "load page fault"
    case ExceptionCause.storePageFault: "store page fault"
    default: "exception"
    }
  }

  /// The same table's interrupts.
  package static func name(ofInterrupt cause: UInt64) -> String {
    switch HartInterrupt(rawValue: Int(truncatingIfNeeded: cause)) {
    case .supervisorSoftware: "supervisor software interrupt"
    case .machineSoftware: "machine software interrupt"
    case .supervisorTimer: "supervisor timer interrupt"
    case .machineTimer: "machine timer interrupt"
    case .supervisorExternal: "supervisor external interrupt"
    case .machineExternal: "machine external interrupt"
    case nil: "interrupt"
    }
  }

  /// `ecall` in U and in S mode, as exceptions.
  package static let environmentCallFromUser = ExceptionCause.environmentCallFromUser
  package static let environmentCallFromSupervisor = ExceptionCause.environmentCallFromSupervisor
}
