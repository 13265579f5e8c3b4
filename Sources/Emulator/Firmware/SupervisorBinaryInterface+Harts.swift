// SPDX-License-Identifier: Apache-2.0

/// The extensions by which harts reach each other.
extension SupervisorBinaryInterface {
  /// The harts that `mask` names, counted from `base` (section 3.2), as one bit each; nil when it names a hart that
  /// is not there. A base of all ones names every hart.
  static func selectHarts(mask: UInt64, base: UInt64, hartCount: Int) -> UInt64? {
    if base == .max { return (1 << UInt64(hartCount)) - 1 }
    if mask == 0 { return 0 }
    let highest = UInt64(63 - mask.leadingZeroBitCount)
    guard base < UInt64(hartCount), highest < UInt64(hartCount) - base else { return nil }
    return mask << base
  }

  /// Raises the software interrupt of every selected hart that runs. A stopped hart has nothing to be told: what
  /// pended before it started would only be a spurious interrupt.
  static func interrupt(_ harts: UInt64, from caller: Int, _ host: some FirmwareHost) {
    for hart in 0..<host.hartCount where harts >> UInt64(hart) & 1 != 0 && host.isHartStarted(hart) {
      host.raiseSupervisorSoftwareInterrupt(hart: hart)
      host.performanceCounters[caller].count(.interruptSent)
      if hart != caller { host.performanceCounters[hart].count(.interruptReceived) }
    }
  }

  /// Counts a remote fence, which does nothing.
  static func countFence(
    _ sent: PerformanceCounters.Event, _ received: PerformanceCounters.Event, _ harts: UInt64,
    from caller: Int, _ host: some FirmwareHost
  ) {
    host.performanceCounters[caller].count(sent)
    for hart in 0..<host.hartCount where harts >> UInt64(hart) & 1 != 0 && host.isHartStarted(hart) {
      host.performanceCounters[hart].count(received)
    }
  }

  /// Chapter 7.
  static func interprocessorInterrupt(
    _ function: UInt32, _ arguments: Arguments, _ hart: Int, _ host: some FirmwareHost
  ) -> Outcome {
    guard function == 0 else { return .failure(.notSupported) }
    guard let harts = selectHarts(mask: arguments.a0, base: arguments.a1, hartCount: host.hartCount) else {
      return .failure(.invalidParameter)
    }
    interrupt(harts, from: hart, host)
    return .success
  }

  /// Chapter 8. Stores drop what any hart derived from the bytes they change (translations, decoded code), so a
  /// remote fence has nothing left to do; it is checked all the same.
  static func remoteFence(
    _ function: UInt32, _ arguments: Arguments, _ hart: Int, _ host: some FirmwareHost
  ) -> Outcome {
    // FENCE.I, SFENCE.VMA and SFENCE.VMA with an ASID; functions 3 to 6 need the hypervisor extension.
    guard function <= 2 else { return .failure(.notSupported) }
    guard let harts = selectHarts(mask: arguments.a0, base: arguments.a1, hartCount: host.hartCount) else {
      return .failure(.invalidParameter)
    }
    switch function {
    case 0: countFence(.fenceSent, .fenceReceived, harts, from: hart, host)
    case 1: countFence(.translationFenceSent, .translationFenceReceived, harts, from: hart, host)
    default: countFence(.addressSpaceFenceSent, .addressSpaceFenceReceived, harts, from: hart, host)
    }
    return .success
  }

  /// Chapter 9.
  static func hartStateManagement(
    _ function: UInt32, _ arguments: Arguments, _ hart: Int, _ host: some FirmwareHost
  ) -> Outcome {
    switch function {
    case 0:
      guard arguments.a0 < UInt64(host.hartCount) else { return .failure(.invalidParameter) }
      let target = Int(arguments.a0)
      guard !host.isHartStarted(target) else { return .failure(.alreadyAvailable) }
      guard arguments.a1 % 2 == 0, host.memory.pointer(at: arguments.a1, count: 2) != nil else {
        return .failure(.invalidAddress)
      }
      host.startHart(target, address: arguments.a1, opaque: arguments.a2)
      return .success
    case 1:
      host.stopHart(hart)
      return .doesNotReturn
    case 2:
      guard arguments.a0 < UInt64(host.hartCount) else { return .failure(.invalidParameter) }
      // Started is 0 and stopped is 1. A suspended hart counts as started: it is one that waits.
      return .success(host.isHartStarted(Int(arguments.a0)) ? 0 : 1)
    case 3:
      switch UInt32(truncatingIfNeeded: arguments.a0) {
      case 0:
        // Retentive: all state stays, and the call returns when the hart goes on.
        host.waitForInterrupt(hart: hart)
        return .success
      // The default non-retentive type, which may be missing.
      case 0x8000_0000: return .failure(.notSupported)
      default: return .failure(.invalidParameter)
      }
    default: return .failure(.notSupported)
    }
  }
}
