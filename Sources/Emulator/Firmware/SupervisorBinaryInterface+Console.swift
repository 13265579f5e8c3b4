// SPDX-License-Identifier: Apache-2.0

extension SupervisorBinaryInterface {
  /// The most that one call moves, so that no call takes long. The caller sees how much it was and goes on.
  package static let consoleTransferLimit: UInt64 = 4096

  /// Chapter 12.
  static func debugConsole(
    _ function: UInt32, _ arguments: Arguments, _ host: some FirmwareHost
  ) -> Outcome {
    switch function {
    case 0:
      guard let count = transferSize(arguments, host),
        let bytes = host.memory.read(at: arguments.a1, count: count)
      else { return .failure(.invalidParameter) }
      for byte in bytes { host.gate.consoleOutput(byte, at: host.now) }
      return .success(UInt64(count))
    case 1:
      guard let count = transferSize(arguments, host) else { return .failure(.invalidParameter) }
      let bytes = host.takeConsoleInput(count: count)
      host.memory.write(bytes, at: arguments.a1)
      return .success(UInt64(bytes.count))
    case 2:
      host.gate.consoleOutput(UInt8(truncatingIfNeeded: arguments.a0), at: host.now)
      return .success
    default: return .failure(.notSupported)
    }
  }

  /// How many bytes to move for a buffer of a0 bytes at the physical address a1 (a2: its upper half, which rv64 has no
  /// use for); nil when the buffer does not lie in RAM.
  private static func transferSize(_ arguments: Arguments, _ host: some FirmwareHost) -> Int? {
    guard arguments.a2 == 0, arguments.a0 <= host.memory.size,
      host.memory.pointer(at: arguments.a1, count: Int(arguments.a0)) != nil
    else { return nil }
    return Int(min(arguments.a0, consoleTransferLimit))
  }
}
