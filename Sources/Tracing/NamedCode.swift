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

  /// The same by ascending addresses, one for each address, none reaching into the next.
  package static func disjoint(_ all: [NamedCode]) -> [NamedCode] {
    var disjoint: [NamedCode] = []
    for code in all.sorted(by: { ($0.address, $0.name) < ($1.address, $1.name) }) {
      if let last = disjoint.indices.last {
        if disjoint[last].address == code.address { continue }
        disjoint[last].byteCount = min(disjoint[last].byteCount, code.address - disjoint[last].address)
      }
      disjoint.append(code)
    }
    // The last one ends where addresses do.
    if let last = disjoint.indices.last {
      disjoint[last].byteCount = min(disjoint[last].byteCount, .max - disjoint[last].address)
    }
    return disjoint
  }
}
