// SPDX-License-Identifier: Apache-2.0

import Emulator
import HostSystem
import QEMUCommandLine

/// Sizes as users write them.
enum Size {
  static func parse(_ text: String, option: String) throws(Failure) -> UInt64 {
    let units: [Character: UInt64] = ["K": 10, "M": 20, "G": 30]
    var digits = text[...]
    var shift: UInt64 = 0
    if let last = text.last, let unit = units[Character(last.uppercased())] {
      digits = text.dropLast()
      shift = unit
    }
    guard let number = UInt64(digits), number <= UInt64.max >> shift, !digits.hasPrefix("+") else {
      throw Failure(.usage, "\(option) \(text)", "is not a size", remedy: "give one such as 512M or 2G")
    }
    return number << shift
  }

  /// Sizes of memory as QEMU's `-m` has them: a number alone is MiB.
  static func parseMemory(_ text: String) throws(Failure) -> UInt64 {
    guard let size = try? MemorySize.parse(text) else {
      throw Failure(
        .usage, "--memory \(text)", "is not a size of memory",
        remedy: "give one such as 512 (MiB), 512M or 2G")
    }
    if size > MachineConfiguration.memorySizeLimit, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      throw Failure(
        .usage, "--memory \(text)", "is so many MiB",
        remedy: "give \(text)B if bytes are meant, or a number with M or G")
    }
    return size
  }

  /// For people: "12.3 MiB".
  static func describe(_ bytes: UInt64) -> String {
    if bytes < 1024 { return "\(bytes) B" }
    var value = Double(bytes)
    var unit = ""
    for name in ["KiB", "MiB", "GiB", "TiB"] where value >= 1024 {
      value /= 1024
      unit = name
    }
    return "\(Double(Int(value * 10)) / 10) \(unit)"
  }
}
