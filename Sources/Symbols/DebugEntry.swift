// SPDX-License-Identifier: Apache-2.0

import CDwarf

/// What is asked of an entry of debugging information. libdw wants to have entries where it can write to them.
extension Dwarf_Die {
  /// More than any entry has.
  private static var rangeLimit: Int { 1 << 20 }

  /// The code that it is about. Ranges that are empty or run backwards are left out.
  var ranges: [Range<UInt64>] {
    mutating get {
      var ranges: [Range<UInt64>] = []
      var (base, start, end): (UInt64, UInt64, UInt64) = (0, 0, 0)
      var place = dwarf_ranges(&self, 0, &base, &start, &end)
      while place > 0, ranges.count < Self.rangeLimit {
        if start < end { ranges.append(start..<end) }
        place = dwarf_ranges(&self, place, &base, &start, &end)
      }
      return ranges
    }
  }

  /// Its own, or that of what it is an instance of.
  var name: String? {
    mutating get { dwarf_diename(&self).map { String(cString: $0) } }
  }

  /// A text that it has itself.
  mutating func text(_ attribute: Int) -> String? {
    var found = Dwarf_Attribute()
    guard dwarf_attr(&self, UInt32(attribute), &found) != nil else { return nil }
    return dwarf_formstring(&found).map { String(cString: $0) }
  }

  /// A number that it has, or that what it is an instance of has.
  mutating func number(_ attribute: Int) -> UInt64? {
    var found = Dwarf_Attribute()
    var value: UInt64 = 0
    guard dwarf_attr_integrate(&self, UInt32(attribute), &found) != nil, dwarf_formudata(&found, &value) == 0
    else {
      return nil
    }
    return value
  }

  /// The same, when it is said in the entry's own unit: numbers of files mean nothing in another one.
  mutating func ownNumber(_ attribute: Int) -> UInt64? {
    var found = Dwarf_Attribute()
    var value: UInt64 = 0
    guard dwarf_attr_integrate(&self, UInt32(attribute), &found) != nil, found.cu == cu,
      dwarf_formudata(&found, &value) == 0
    else { return nil }
    return value
  }

  /// The entry that another one refers to: its type for one.
  mutating func entry(_ attribute: Int) -> Dwarf_Die? {
    var found = Dwarf_Attribute()
    var entry = Dwarf_Die()
    guard dwarf_attr_integrate(&self, UInt32(attribute), &found) != nil,
      dwarf_formref_die(&found, &entry) != nil
    else { return nil }
    return entry
  }

  mutating func has(_ attribute: Int) -> Bool { dwarf_hasattr(&self, UInt32(attribute)) != 0 }

  mutating func forEachChild(_ body: (inout Dwarf_Die) -> Void) {
    var child = Dwarf_Die()
    guard dwarf_child(&self, &child) == 0 else { return }
    while true {
      body(&child)
      var next = Dwarf_Die()
      // Damaged ones lead backwards.
      guard dwarf_siblingof(&child, &next) == 0, UInt(bitPattern: next.addr) > UInt(bitPattern: child.addr)
      else { return }
      child = next
    }
  }

  /// The first child that something is true of.
  mutating func firstChild(where isWanted: (inout Dwarf_Die) -> Bool) -> Dwarf_Die? {
    var child = Dwarf_Die()
    guard dwarf_child(&self, &child) == 0 else { return nil }
    while true {
      if isWanted(&child) { return child }
      var next = Dwarf_Die()
      guard dwarf_siblingof(&child, &next) == 0, UInt(bitPattern: next.addr) > UInt(bitPattern: child.addr)
      else { return nil }
      child = next
    }
  }
}
