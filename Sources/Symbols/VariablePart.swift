// SPDX-License-Identifier: Apache-2.0

import CDwarf

/// A part of a variable: what its type says of its size, its members and its elements.
struct VariablePart {
  /// Types within types that are followed: damaged ones lead in circles, for which libdw would never come back.
  private static let depthLimit = 32

  private var type: Dwarf_Die
  /// Of an array whose elements are arrays: how many indexes were given.
  private var dimension = 0

  /// - Parameter type: an entry of a type, with whatever is said of it besides (`const`, a name).
  init(_ type: Dwarf_Die) { self.type = Self.plain(type) }

  private static func plain(_ type: Dwarf_Die) -> Dwarf_Die {
    var plain = type
    for _ in 0..<depthLimit {
      guard
        [
          DW_TAG_typedef, DW_TAG_const_type, DW_TAG_volatile_type, DW_TAG_restrict_type, DW_TAG_atomic_type,
          DW_TAG_immutable_type, DW_TAG_packed_type, DW_TAG_shared_type,
        ].contains(Int(dwarf_tag(&plain))), let next = plain.entry(DW_AT_type)
      else { break }
      plain = next
    }
    return plain
  }

  /// Nil when the type does not say.
  var byteCount: UInt64? {
    mutating get {
      guard dimension > 0 else { return Self.size(of: type, depth: 0) }
      guard let element = type.entry(DW_AT_type), let size = Self.size(of: element, depth: 0) else {
        return nil
      }
      return Self.product(size, Self.lengths(of: &type).dropFirst(dimension))
    }
  }

  /// Goes on to a member: its distance from the start.
  mutating func enter(member name: String) throws(VariableError) -> UInt64 {
    guard isRecord else { throw VariableError("has no members: '\(name)' cannot be one") }
    guard !type.has(DW_AT_declaration) else {
      throw VariableError("has a type that is declared only: '\(name)' is not known")
    }
    guard let (offset, member) = Self.member(name, of: &type, depth: 0) else {
      throw VariableError("has no member '\(name)'", candidates: memberNames)
    }
    var found = member
    guard !found.has(DW_AT_bit_size) else { throw VariableError("has '\(name)' as some bits alone") }
    guard let next = found.entry(DW_AT_type) else { throw VariableError("has '\(name)' without a type") }
    self = VariablePart(next)
    return offset
  }

  /// Goes on to an element: its distance from the start.
  mutating func enter(element index: UInt64) throws(VariableError) -> UInt64 {
    let lengths = Self.lengths(of: &type)
    guard dwarf_tag(&type) == Int32(DW_TAG_array_type), dimension < lengths.count else {
      throw VariableError("is no array: it has no element \(index)")
    }
    if let length = lengths[dimension], index >= length {
      throw VariableError("has \(length) elements: the last is \(length > 0 ? length - 1 : 0)")
    }
    guard let element = type.entry(DW_AT_type), let size = Self.size(of: element, depth: 0),
      let stride = Self.product(size, lengths.dropFirst(dimension + 1))
    else { throw VariableError("has elements whose size is not known") }
    dimension += 1
    if dimension == lengths.count { self = VariablePart(element) }
    return stride &* index
  }

  private var isRecord: Bool {
    mutating get {
      [DW_TAG_structure_type, DW_TAG_class_type, DW_TAG_union_type].contains(Int(dwarf_tag(&type)))
    }
  }

  /// Of an array, dimension by dimension: nil where it does not say.
  private static func lengths(of array: inout Dwarf_Die) -> [UInt64?] {
    var lengths: [UInt64?] = []
    array.forEachChild { child in
      guard dwarf_tag(&child) == Int32(DW_TAG_subrange_type) else { return }
      // An upper bound of -1 is an array of no elements, in some compilers one without bounds.
      let last = child.number(DW_AT_upper_bound).map { $0 &+ 1 }
      let length = child.number(DW_AT_count) ?? last
      lengths.append(length == 0 ? nil : length)
    }
    return lengths
  }

  /// Bytes of a value of a type.
  private static func size(of type: Dwarf_Die, depth: Int) -> UInt64? {
    guard depth < depthLimit else { return nil }
    var type = plain(type)
    if let size = type.number(DW_AT_byte_size) { return size }
    switch Int(dwarf_tag(&type)) {
    case DW_TAG_pointer_type, DW_TAG_reference_type, DW_TAG_rvalue_reference_type: return 8
    case DW_TAG_array_type:
      guard let element = type.entry(DW_AT_type), let size = size(of: element, depth: depth + 1) else {
        return nil
      }
      return product(size, lengths(of: &type)[...])
    default: return nil
    }
  }

  private var memberNames: [String] {
    mutating get {
      var names: [String] = []
      type.forEachChild { child in
        if dwarf_tag(&child) == Int32(DW_TAG_member), let name = child.name { names.append(name) }
      }
      return names
    }
  }

  /// Members of members without a name, and of base classes, count as its own.
  private static func member(
    _ name: String, of type: inout Dwarf_Die, depth: Int
  ) -> (offset: UInt64, member: Dwarf_Die)? {
    guard depth < depthLimit else { return nil }
    var found: (UInt64, Dwarf_Die)?
    _ = type.firstChild { child in
      let tag = Int(dwarf_tag(&child))
      guard tag == DW_TAG_member || tag == DW_TAG_inheritance, let offset = self.offset(of: &child) else {
        return false
      }
      if tag == DW_TAG_member, let own = child.name {
        if own == name { found = (offset, child) }
      } else if let inner = child.entry(DW_AT_type) {
        var plain = Self.plain(inner)
        if let (more, member) = self.member(name, of: &plain, depth: depth + 1) {
          found = (offset &+ more, member)
        }
      }
      return found != nil
    }
    return found
  }

  /// From the start of what it is a member of; nil for what is found out at run time, and what is no part of it.
  private static func offset(of member: inout Dwarf_Die) -> UInt64? {
    if let number = member.number(DW_AT_data_member_location) { return number }
    if member.has(DW_AT_data_member_location) { return nil }
    // A union's, or a static member, which is declared.
    return member.has(DW_AT_external) || member.has(DW_AT_declaration) ? nil : 0
  }

  private static func product(_ size: UInt64, _ lengths: ArraySlice<UInt64?>) -> UInt64? {
    var product = size
    for length in lengths {
      guard let length else { return nil }
      let (next, overflow) = product.multipliedReportingOverflow(by: length)
      guard !overflow else { return nil }
      product = next
    }
    return product
  }
}
