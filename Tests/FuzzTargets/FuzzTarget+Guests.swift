// SPDX-License-Identifier: Apache-2.0

import Emulator
import Symbols

/// Parsers of what a guest is made of.
extension FuzzTarget {
  static func readExecutable(_ bytes: [UInt8]) throws {
    _ = try? ProgramIdentity(bytes)
    _ = try ExecutableFile(bytes, freeAddress: 0x8000_0000)
    _ = try SymbolTable(bytes)
  }

  /// Asks for all that is asked of debugging information.
  static func readDebugInformation(_ bytes: [UInt8]) throws {
    guard let file = try DebugFile(bytes) else { return }
    let symbols = try? SymbolTable(bytes)
    let unwinder = StackUnwinder(
      files: [(file, 0)], function: { symbols?.owner(of: $0) },
      read: { address, count in (0..<count).map { UInt8(truncatingIfNeeded: address >> 3 &+ UInt64($0)) } })
    for address in stride(from: UInt64(0x8000_0000), to: 0x8000_16ce, by: 22) {
      _ = file.places(at: address, within: symbols?.extent(around: address))
      _ = unwinder.frames(
        from: StackUnwinder.Registers(
          integers: [UInt64](repeating: 0x8000_4000, count: 32), programCounter: address), limit: 8)
    }
    for text in ["branches[0].journal.sectors[1][2].seal[3]", "device", "input.x", "sources[4]"] {
      if let path = VariablePath(text) { _ = try? file.find(path) }
    }
  }

  static func readKernel(_ bytes: [UInt8]) throws {
    _ = try KernelImage(bytes, unpackedSizeLimit: 1 << 22)
  }

  static func readDeviceTree(_ bytes: [UInt8]) throws {
    let tree = try DeviceTreeFile(bytes)
    _ = tree.encoded(room: 0)
  }
}
