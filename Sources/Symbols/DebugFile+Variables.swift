// SPDX-License-Identifier: Apache-2.0

import CDwarf
import Glibc

/// Why a variable, or a part of one, has no place in memory that could be told. `reason` is for people.
package struct VariableError: Error, Equatable, Sendable {
  package var reason: String
  /// Names that would do instead: the members of a type.
  package var candidates: [String]

  package init(_ reason: String, candidates: [String] = []) {
    self.reason = reason
    self.candidates = candidates
  }
}

extension DebugFile {
  /// Where a variable, or a part of one, lies, and how many bytes it has.
  ///
  /// - Returns: Nil when there is no variable of this name outside of functions.
  /// - Throws: When there are several at different places, or the path leads nowhere.
  package func find(_ path: VariablePath) throws(VariableError) -> (address: UInt64, byteCount: UInt64?)? {
    var found: [(address: UInt64, type: Dwarf_Die)] = []
    for unit in units.all { collect(path.name, from: &unit.die, depth: 0, into: &found) }
    guard let first = found.first else { return nil }
    guard found.allSatisfy({ $0.address == first.address }) else {
      let places = Set(found.map(\.address)).sorted().prefix(4).map { "0x\(String($0, radix: 16))" }
      throw VariableError("is the name of several variables: at \(places.joined(separator: ", "))")
    }
    var part = VariablePart(first.type)
    var offset: UInt64 = 0
    for step in path.steps {
      switch step {
      case .member(let name): offset &+= try part.enter(member: name)
      case .element(let index): offset &+= try part.enter(element: index)
      }
    }
    return (first.address &+ offset, part.byteCount)
  }

  /// Variables stand in namespaces that are nested no deeper in earnest.
  private static let depthLimit = 16

  private func collect(
    _ name: String, from parent: inout Dwarf_Die, depth: Int,
    into found: inout [(address: UInt64, type: Dwarf_Die)]
  ) {
    guard depth < Self.depthLimit else { return }
    parent.forEachChild { child in
      switch Int(dwarf_tag(&child)) {
      case DW_TAG_variable where child.isCalled(name):
        if let address = child.address, let type = child.entry(DW_AT_type) { found.append((address, type)) }
      case DW_TAG_namespace, DW_TAG_module:
        collect(name, from: &child, depth: depth + 1, into: &found)
      default: break
      }
    }
  }
}

extension Dwarf_Die {
  /// Without making a text of each name that there is.
  fileprivate mutating func isCalled(_ name: String) -> Bool {
    guard let own = dwarf_diename(&self) else { return false }
    return name.withCString { strcmp($0, own) == 0 }
  }

  /// Of a variable that always lies at one place; nil for registers, stacks, memory of threads, and declarations.
  fileprivate var address: UInt64? {
    mutating get {
      var location = Dwarf_Attribute()
      var operations: UnsafeMutablePointer<Dwarf_Op>?
      var count = 0
      guard dwarf_attr_integrate(&self, UInt32(DW_AT_location), &location) != nil,
        dwarf_getlocation(&location, &operations, &count) == 0, count > 0, let operation = operations
      else { return nil }
      // Distances may follow: several variables share an entry of `.debug_addr` so.
      var distance: UInt64 = 0
      for index in 1..<count {
        guard operation[index].atom == UInt8(DW_OP_plus_uconst) else { return nil }
        distance &+= operation[index].number
      }
      if operation.pointee.atom == UInt8(DW_OP_addr) { return operation.pointee.number &+ distance }
      // The number of an entry of `.debug_addr`.
      guard operation.pointee.atom == UInt8(DW_OP_addrx) else { return nil }
      var place = Dwarf_Attribute()
      var address: UInt64 = 0
      guard dwarf_getlocation_attr(&location, operation, &place) == 0, dwarf_formaddr(&place, &address) == 0
      else {
        return nil
      }
      return address &+ distance
    }
  }
}
