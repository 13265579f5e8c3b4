// SPDX-License-Identifier: Apache-2.0

import CDwarf

extension DebugFile {
  /// Bodies within bodies that are followed.
  private static let depthLimit = 256
  /// Places whose answer is kept.
  private static let placeLimit = 1 << 16
  /// Bytes in front of a function's code that may still be its own: the nops that kernels have there to be patched.
  static let patchedBytes: UInt64 = 32

  /// The places in the sources that an instruction was made of, the innermost first: bodies that were put into others, and the function
  /// last. None where nothing is known.
  ///
  /// - Parameter symbol: what the table of symbols calls one thing around the address. Kernels that can be patched have instructions at the
  ///   start of a function that debugging information leaves to the one in front.
  package func places(at address: UInt64, within symbol: Range<UInt64>? = nil) -> [SourcePlace] {
    if let known = knownPlaces[address] { return known }
    let places = isCode(address) ? look(at: address, within: symbol) : []
    if knownPlaces.count >= Self.placeLimit { knownPlaces.removeAll() }
    knownPlaces[address] = places
    return places
  }

  private func look(at address: UInt64, within symbol: Range<UInt64>?) -> [SourcePlace] {
    let unit = units.unit(at: address)
    if let unit, let function = unit.function(at: address) {
      return chain(at: address, in: function, of: unit)
    }
    if let symbol, let entry = entry(behind: address, within: symbol) { return [entry] }
    // Code that no function has: an assembler's, which has lines alone.
    guard let unit, unit.isAssembly, let line = line(at: address, of: unit, from: 0) else { return [] }
    return [SourcePlace(function: nil, file: line.file, line: line.line, isInlined: false)]
  }

  /// The function that a symbol is of whose code begins a little behind the symbol: where it is declared.
  private func entry(behind address: UInt64, within symbol: Range<UInt64>) -> SourcePlace? {
    let end = min(
      symbol.lowerBound.addingReportingOverflow(Self.patchedBytes).partialValue, symbol.upperBound)
    guard address < end else { return nil }
    for place in stride(from: address, to: end, by: 2) {
      guard let unit = units.unit(at: place), var function = unit.function(at: place) else { continue }
      guard function.range.lowerBound == place else { return nil }
      guard
        let line = line(
          function.die.number(DW_AT_decl_line), inFile: function.die.ownNumber(DW_AT_decl_file), of: unit)
      else { return nil }
      return SourcePlace(function: function.die.name, file: line.file, line: line.line, isInlined: false)
    }
    return nil
  }

  /// From the function down to the innermost body around the address.
  private func chain(
    at address: UInt64, in function: DebugUnits.Function, of unit: DebugUnits.Unit
  ) -> [SourcePlace] {
    var bodies = [function.die]
    var scope = function.die
    for _ in 0..<Self.depthLimit {
      let inner = scope.firstChild { child in
        [DW_TAG_inlined_subroutine, DW_TAG_lexical_block, DW_TAG_try_block, DW_TAG_catch_block]
          .contains(Int(dwarf_tag(&child))) && dwarf_haspc(&child, address) > 0
      }
      guard let inner else { break }
      scope = inner
      if dwarf_tag(&scope) == Int32(DW_TAG_inlined_subroutine) { bodies.append(scope) }
    }
    var line = line(at: address, of: unit, from: function.range.lowerBound)
    var places: [SourcePlace] = []
    for index in bodies.indices.reversed() {
      places.append(
        SourcePlace(function: bodies[index].name, file: line?.file, line: line?.line, isInlined: index > 0))
      line = self.line(
        bodies[index].number(DW_AT_call_line), inFile: bodies[index].ownNumber(DW_AT_call_file), of: unit)
    }
    return places
  }

  /// The row of the table of lines that an address belongs to. One from before the function is another one's.
  private func line(at address: UInt64, of unit: DebugUnits.Unit, from start: UInt64) -> (
    file: String, line: Int
  )? {
    guard let row = dwarf_getsrc_die(&unit.die, address) else { return nil }
    var (place, number): (UInt64, Int32) = (0, 0)
    // Line 0 is what compilers say of code that comes from nowhere.
    guard dwarf_lineaddr(row, &place) == 0, place >= start, dwarf_lineno(row, &number) == 0, number > 0,
      let file = dwarf_linesrc(row, nil, nil)
    else { return nil }
    return (unit.path(String(cString: file)), Int(number))
  }

  /// A line that an entry names: of a declaration, or of the call that an inlined body is in place of.
  private func line(
    _ line: UInt64?, inFile index: UInt64?, of unit: DebugUnits.Unit
  ) -> (file: String, line: Int)? {
    var files: OpaquePointer?
    var count = 0
    guard let line, (1...UInt64(Int32.max)).contains(line), let index,
      dwarf_getsrcfiles(&unit.die, &files, &count) == 0, index < count,
      let file = dwarf_filesrc(files, Int(index), nil, nil)
    else { return nil }
    let name = String(cString: file)
    // What libdw has in place of the file 0 that there is not before DWARF 5.
    return name == "???" ? nil : (unit.path(name), Int(line))
  }
}
