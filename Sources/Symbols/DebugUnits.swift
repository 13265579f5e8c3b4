// SPDX-License-Identifier: Apache-2.0

import CDwarf

/// Which compilation unit of a file, and which of its functions, an address lies in.
///
/// By tables of our own: `.debug_aranges`, which libdw would ask, is what clang leaves out and linkers mix.
struct DebugUnits {
  final class Unit {
    var die: Dwarf_Die
    /// The folder that the compiler was started in, with a slash behind it.
    private let folder: String
    /// Assembled: it has lines and no functions.
    let isAssembly: Bool
    /// Ascending; made when they are asked for.
    lazy var functions = Function.all(of: &die)

    init(_ die: Dwarf_Die) {
      var die = die
      // What all assemblers say.
      isAssembly = dwarf_srclang(&die) == Int32(DW_LANG_Mips_Assembler)
      folder = die.text(DW_AT_comp_dir).map { $0 + "/" } ?? ""
      self.die = die
    }

    /// A file's whole name: libdw puts some together with the folder, and others not.
    func path(_ name: String) -> String {
      name.hasPrefix("/") || name.hasPrefix(folder) ? name : folder + name
    }
  }

  /// A stretch of the code of a function.
  struct Function {
    var range: Range<UInt64>
    var die: Dwarf_Die
  }

  /// More stretches than a file of `DebugFile.byteLimit` bytes has in earnest.
  private static let stretchLimit = 1 << 24

  private(set) var all: [Unit] = []
  private var stretches: SortedStretches<Unit>

  init(of file: DebugFile) {
    var found: [(Range<UInt64>, Unit)] = []
    var unit: OpaquePointer?
    var next: OpaquePointer?
    var die = Dwarf_Die()
    var kind: UInt8 = 0
    while found.count < Self.stretchLimit,
      dwarf_get_units(file.dwarf, unit, &next, nil, &kind, &die, nil) == 0
    {
      unit = next
      guard [DW_UT_compile, DW_UT_skeleton].contains(Int(kind)), dwarf_tag(&die) == Int32(DW_TAG_compile_unit)
      else { continue }
      let one = Unit(die)
      all.append(one)
      for range in die.ranges where file.isCode(range.lowerBound) { found.append((range, one)) }
    }
    stretches = SortedStretches(found)
  }

  /// The unit that an address is code of; nil also where several say that it is theirs.
  func unit(at address: UInt64) -> Unit? {
    let claims = stretches.all(at: address)
    guard claims.count > 1 else { return claims.first?.value }
    // What linkers dropped begins at 0.
    let earnest = claims.filter { $0.range.lowerBound != 0 }
    guard let first = earnest.first, earnest.allSatisfy({ $0.value === first.value }) else { return nil }
    return first.value
  }
}

extension DebugUnits.Unit {
  /// The innermost function of the unit around an address.
  func function(at address: UInt64) -> DebugUnits.Function? { functions.all(at: address).last?.value }
}

extension DebugUnits.Function {
  /// Functions stand in namespaces, classes and others that are nested no deeper in earnest.
  private static let depthLimit = 64

  static func all(of unit: inout Dwarf_Die) -> SortedStretches<DebugUnits.Function> {
    var found: [(Range<UInt64>, DebugUnits.Function)] = []
    collect(from: &unit, depth: 0, into: &found)
    return SortedStretches(found)
  }

  private static func collect(
    from parent: inout Dwarf_Die, depth: Int, into found: inout [(Range<UInt64>, DebugUnits.Function)]
  ) {
    guard depth < depthLimit else { return }
    parent.forEachChild { child in
      switch Int(dwarf_tag(&child)) {
      case DW_TAG_subprogram:
        for range in child.ranges { found.append((range, DebugUnits.Function(range: range, die: child))) }
        // Ada, Pascal, Rust and GNU C have functions within functions.
        collect(from: &child, depth: depth + 1, into: &found)
      case DW_TAG_namespace, DW_TAG_module, DW_TAG_structure_type, DW_TAG_class_type, DW_TAG_union_type,
        DW_TAG_enumeration_type, DW_TAG_lexical_block:
        collect(from: &child, depth: depth + 1, into: &found)
      default: break
      }
    }
  }
}
