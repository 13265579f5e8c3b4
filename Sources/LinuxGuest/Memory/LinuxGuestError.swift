// SPDX-License-Identifier: Apache-2.0

/// Why a guest's memory does not tell what was asked of it, and what may be done.
package struct LinuxGuestError: Error, Equatable, Sendable {
  package var problem: String
  package var remedy: String

  package init(_ problem: String, remedy: String) {
    self.problem = problem
    self.remedy = remedy
  }

  /// The kernel was built without kallsyms.
  package static let noNames = Self(
    "the kernel has no names in memory",
    remedy: "name its vmlinux by --symbols where there are names to be told")

  static func unmapped(_ address: UInt64) -> Self {
    Self(
      "the kernel's data lead to 0x\(String(address, radix: 16)), where nothing is mapped",
      remedy: "give another position: the kernel may have been about to change them")
  }

  static func unknownSymbol(_ name: String) -> Self {
    Self(
      "the kernel does not tell where it has '\(name)'",
      remedy: "name its vmlinux, with symbols, by --symbols")
  }

  static func unknownLayout(_ name: String) -> Self {
    Self(
      "the kernel does not tell how '\(name)' lies in its memory: it has no BTF, or no such thing",
      remedy: "name its vmlinux, with debugging information, by --symbols")
  }
}
