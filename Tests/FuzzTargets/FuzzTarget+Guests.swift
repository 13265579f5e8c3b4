// SPDX-License-Identifier: Apache-2.0

import Emulator

/// Parsers of what a guest is made of.
extension FuzzTarget {
  static func readExecutable(_ bytes: [UInt8]) throws {
    _ = try? ProgramIdentity(bytes)
    _ = try ExecutableFile(bytes, freeAddress: 0x8000_0000)
    _ = try SymbolTable(bytes)
  }

  static func readKernel(_ bytes: [UInt8]) throws {
    _ = try KernelImage(bytes, unpackedSizeLimit: 1 << 22)
  }

  static func readDeviceTree(_ bytes: [UInt8]) throws {
    let tree = try DeviceTreeFile(bytes)
    _ = tree.encoded(room: 0)
  }
}
