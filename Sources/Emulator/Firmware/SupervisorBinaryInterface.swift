// SPDX-License-Identifier: Apache-2.0

/// The built-in SBI: what a kernel in S mode gets for an `ecall` where there is no firmware in M mode.
///
/// Follows the RISC-V Supervisor Binary Interface Specification 2.0: the extensions BASE, TIME, IPI, RFENCE, HSM, SRST,
/// PMU and DBCN, and the legacy ones. It keeps no state of its own: everything it changes lives in the machine, which is
/// why snapshots know nothing of it.
package enum SupervisorBinaryInterface {
  /// An `ecall` from S mode: a7, a6, and a0 to a5.
  package struct Call: Sendable {
    package var extensionID: UInt64
    package var functionID: UInt64
    package var arguments: Arguments

    package init(extensionID: UInt64, functionID: UInt64, arguments: Arguments) {
      self.extensionID = extensionID
      self.functionID = functionID
      self.arguments = arguments
    }
  }

  package typealias Arguments = (
    a0: UInt64, a1: UInt64, a2: UInt64, a3: UInt64, a4: UInt64, a5: UInt64
  )

  /// What becomes of the hart that called.
  package enum Outcome: Sendable, Equatable {
    /// It goes on behind the `ecall` with a0 = error and a1 = value.
    case returns(ErrorCode, value: UInt64)
    /// It goes on behind the `ecall` with a0 = result; a legacy call leaves a1 alone.
    case returnsLegacy(Int64)
    /// It is stopped, or the machine is about to be reset or switched off.
    case doesNotReturn

    static let success = returns(.success, value: 0)
    static func success(_ value: UInt64) -> Outcome { returns(.success, value: value) }
    static func failure(_ error: ErrorCode) -> Outcome { returns(error, value: 0) }
  }

  /// Section 3.1, "Standard SBI Errors"; a0 holds the raw value.
  package enum ErrorCode: Int64, Sendable {
    case success = 0
    case notSupported = -2
    case invalidParameter = -3
    case invalidAddress = -5
    case alreadyAvailable = -6
    case alreadyStarted = -7
    case alreadyStopped = -8
    case noSharedMemory = -9
  }

  /// a7 of every extension that answers; a probe for anything else gives 0.
  package enum Extension: UInt32, Sendable {
    case legacySetTimer = 0
    case legacyConsolePutCharacter = 1
    case legacyConsoleGetCharacter = 2
    case legacyClearInterrupt = 3
    case legacySendInterrupt = 4
    case legacyRemoteFenceI = 5
    case legacyRemoteFenceVMA = 6
    case legacyRemoteFenceVMAWithASID = 7
    case legacyShutdown = 8
    case base = 0x10
    case timer = 0x5449_4d45  // "TIME"
    case interprocessorInterrupt = 0x73_5049  // "sPI"
    case remoteFence = 0x5246_4e43  // "RFNC"
    case hartStateManagement = 0x48_534d  // "HSM"
    case systemReset = 0x5352_5354  // "SRST"
    case performance = 0x50_4d55  // "PMU"
    case debugConsole = 0x4442_434e  // "DBCN"
  }

  package static let specificationVersion: UInt64 = 2 << 24
  /// Assigned to nobody by the specification: "rr" in ASCII.
  package static let implementationID: UInt64 = 0x7272
  package static let implementationVersion: UInt64 = 1

  /// Serves a call by `hart`. Its effects on the machine are done when this returns.
  package static func handle(_ call: Call, hart: Int, host: some FirmwareHost) -> Outcome {
    // Extension and function numbers are 32-bit integers, sign-extended in their registers (section 3).
    guard let extensionID = find(call.extensionID, host) else { return .failure(.notSupported) }
    let function = UInt32(truncatingIfNeeded: call.functionID)
    let arguments = call.arguments
    switch extensionID {
    case .base: return base(function, arguments, host)
    case .timer: return timer(function, arguments, hart, host)
    case .interprocessorInterrupt: return interprocessorInterrupt(function, arguments, hart, host)
    case .remoteFence: return remoteFence(function, arguments, hart, host)
    case .hartStateManagement: return hartStateManagement(function, arguments, hart, host)
    case .systemReset: return systemReset(function, arguments, host)
    case .debugConsole: return debugConsole(function, arguments, host)
    case .performance: return performance(function, arguments, hart, host)
    default: return legacy(extensionID, arguments, hart, host)
    }
  }

  private static func find(_ number: UInt64, _ host: some FirmwareHost) -> Extension? {
    let found = Extension(rawValue: UInt32(truncatingIfNeeded: number))
    return found == .performance && !host.hasPerformanceCounters ? nil : found
  }

  /// Chapter 4.
  private static func base(
    _ function: UInt32, _ arguments: Arguments, _ host: some FirmwareHost
  ) -> Outcome {
    switch function {
    case 0: return .success(specificationVersion)
    case 1: return .success(implementationID)
    case 2: return .success(implementationVersion)
    case 3:
      return .success(find(arguments.a0, host) != nil ? 1 : 0)
    // mvendorid, marchid and mimpid: zero says that the machine does not tell.
    case 4, 5, 6: return .success(0)
    default: return .failure(.notSupported)
    }
  }

  /// Chapter 6.
  private static func timer(
    _ function: UInt32, _ arguments: Arguments, _ hart: Int, _ host: some FirmwareHost
  ) -> Outcome {
    guard function == 0 else { return .failure(.notSupported) }
    host.setSupervisorTimer(hart: hart, tick: arguments.a0)
    host.performanceCounters[hart].count(.setTimer)
    return .success
  }

  /// Chapter 10.
  private static func systemReset(
    _ function: UInt32, _ arguments: Arguments, _ host: some FirmwareHost
  ) -> Outcome {
    guard function == 0 else { return .failure(.notSupported) }
    // Both are 32-bit numbers. The types are shutdown, cold and warm reboot; the reasons none and system failure; all
    // others are reserved or belong to other platforms.
    let type = UInt32(truncatingIfNeeded: arguments.a0)
    let reason = UInt32(truncatingIfNeeded: arguments.a1)
    guard type <= 2, reason <= 1 else { return .failure(.invalidParameter) }
    if type == 0 {
      host.requestPowerOff(status: reason)
    } else {
      host.requestReset()
    }
    return .doesNotReturn
  }
}
