// SPDX-License-Identifier: Apache-2.0

/// Chapter 5: one extension a function, for kernels from before version 0.2 of the specification.
extension SupervisorBinaryInterface {
  static func legacy(
    _ extensionID: Extension, _ arguments: Arguments, _ hart: Int, _ host: some FirmwareHost
  ) -> Outcome {
    switch extensionID {
    case .legacySetTimer:
      host.setSupervisorTimer(hart: hart, tick: arguments.a0)
      host.performanceCounters[hart].count(.setTimer)
      return .returnsLegacy(0)
    case .legacyConsolePutCharacter:
      host.gate.consoleOutput(UInt8(truncatingIfNeeded: arguments.a0), at: host.now)
      return .returnsLegacy(0)
    case .legacyConsoleGetCharacter:
      return .returnsLegacy(host.takeConsoleInput(count: 1).first.map { Int64($0) } ?? -1)
    case .legacyClearInterrupt:
      return .returnsLegacy(host.clearSupervisorSoftwareInterrupt(hart: hart) ? 1 : 0)
    case .legacySendInterrupt:
      return withHarts(arguments, hart, host) { interrupt($0, from: hart, host) }
    // Nothing to do, as for `remoteFence`.
    case .legacyRemoteFenceI:
      return withHarts(arguments, hart, host) {
        countFence(.fenceSent, .fenceReceived, $0, from: hart, host)
      }
    case .legacyRemoteFenceVMA:
      return withHarts(arguments, hart, host) {
        countFence(.translationFenceSent, .translationFenceReceived, $0, from: hart, host)
      }
    case .legacyRemoteFenceVMAWithASID:
      return withHarts(arguments, hart, host) {
        countFence(.addressSpaceFenceSent, .addressSpaceFenceReceived, $0, from: hart, host)
      }
    case .legacyShutdown:
      host.requestPowerOff(status: 0)
      return .doesNotReturn
    case .base, .timer, .interprocessorInterrupt, .remoteFence, .hartStateManagement, .systemReset,
      .debugConsole, .performance:
      preconditionFailure("\(extensionID) is no legacy extension")
    }
  }

  /// Calls `body` with the harts that a0 selects: the virtual address of a mask, or 0 for every hart.
  private static func withHarts(
    _ arguments: Arguments, _ hart: Int, _ host: some FirmwareHost, _ body: (UInt64) -> Void
  ) -> Outcome {
    var (mask, base): (UInt64, UInt64) = (0, .max)
    if arguments.a0 != 0 {
      guard let loaded = host.loadDoubleword(hart: hart, virtualAddress: arguments.a0) else {
        return .returnsLegacy(ErrorCode.invalidAddress.rawValue)
      }
      (mask, base) = (loaded, 0)
    }
    guard let harts = selectHarts(mask: mask, base: base, hartCount: host.hartCount) else {
      return .returnsLegacy(ErrorCode.invalidParameter.rawValue)
    }
    body(harts)
    return .returnsLegacy(0)
  }
}
