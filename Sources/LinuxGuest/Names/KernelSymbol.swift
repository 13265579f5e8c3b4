// SPDX-License-Identifier: Apache-2.0

/// What a kernel calls one of its addresses.
package struct KernelSymbol: Equatable, Sendable {
  package var address: UInt64
  /// A letter as `nm` has it: upper case for what other files may use.
  package var kind: UInt8
  package var name: String
  /// Nil for the kernel itself.
  package var module: String?

  package init(address: UInt64, kind: UInt8, name: String, module: String? = nil) {
    self.address = address
    self.kind = kind
    self.name = name
    self.module = module
  }

  func moved(by distance: UInt64) -> Self {
    var moved = self
    moved.address &+= distance
    return moved
  }

  package var isFunction: Bool { "tTwW".utf8.contains(kind) }
  package var isGlobal: Bool { kind & 0x20 == 0 }
}
