// SPDX-License-Identifier: Apache-2.0

/// A line of a Linux kernel's log: what `dmesg` shows.
package struct KernelMessage: Sendable {
  package var sequence: UInt64
  /// By the kernel's clock, which starts with it.
  package var time: UInt64
  /// 0 for emergencies to 7 for debugging.
  package var level: Int
  /// Who says it: 0 for the kernel.
  package var facility: Int
  package var text: String
}

extension LinuxKernel {
  /// What is left of its log, the oldest first.
  package func messages() throws(LinuxGuestError) -> KernelRows<KernelMessage> {
    // Since 5.10 it is a ring of descriptors beside a ring of texts.
    try optionalAddress(of: "prb") == nil ? recordsInARow() : MessageRing(self).messages()
  }

  /// The last byte of a message's fixed part has its level, behind its facility: three bits, above five of flags.
  static func level(_ byte: UInt64) -> Int { Int(byte >> 5) }
}
