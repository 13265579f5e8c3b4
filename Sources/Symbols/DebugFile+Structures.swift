// SPDX-License-Identifier: Apache-2.0

import CDwarf

/// A structure, as the sources have it.
package struct DebugStructure {
  private let part: VariablePart

  fileprivate init(_ type: Dwarf_Die) { part = VariablePart(type) }

  package var byteCount: UInt64? {
    var part = part
    return part.byteCount
  }

  /// The distance of a member from the start; nil where there is none of the name, or it is some bits alone.
  package func offset(of member: String) -> UInt64? {
    var part = part
    return try? part.enter(member: member)
  }
}

extension DebugFile {
  /// The first structure or union of a name that is more than declared, outside of functions and namespaces.
  ///
  /// Units are looked through until one has it: in a kernel nearly each one has what is known everywhere.
  package func structure(_ name: String) -> DebugStructure? {
    if let known = knownStructures[name] { return known }
    var found: Dwarf_Die?
    for unit in units.all where found == nil {
      found = unit.die.firstChild { child in
        [DW_TAG_structure_type, DW_TAG_union_type].contains(Int(dwarf_tag(&child)))
          && !child.has(DW_AT_declaration) && child.name == name
      }
    }
    let structure = found.map { DebugStructure($0) }
    knownStructures[name] = .some(structure)
    return structure
  }
}
