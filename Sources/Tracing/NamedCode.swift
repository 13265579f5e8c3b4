// SPDX-License-Identifier: Apache-2.0

/// A symbol, with all that is called after it.
package struct NamedCode: Sendable {
  package var address: UInt64
  package var byteCount: UInt64
  package var name: String
  /// The file that it comes from says that it is one.
  package var isFunction: Bool

  package init(address: UInt64, byteCount: UInt64, name: String, isFunction: Bool) {
    self.address = address
    self.byteCount = byteCount
    self.name = name
    self.isFunction = isFunction
  }
}
