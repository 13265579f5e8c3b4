// SPDX-License-Identifier: Apache-2.0

import CDwarf

extension DebugFile {
  /// A line of the sources, and where code begins that was made of it.
  package struct LineStart {
    package var file: String
    package var line: Int
    package var address: UInt64
  }

  /// Every place at which a statement begins, unit by unit: a line may begin at several.
  ///
  /// Only first addresses: what lies between one and the next may be another function's, as the nops are at the start of functions of kernels
  /// that can be patched.
  package func forEachLineStart(_ body: (LineStart) throws -> Void) rethrows {
    for unit in units.all {
      var rows: OpaquePointer?
      var count = 0
      guard dwarf_getsrclines(&unit.die, &rows, &count) == 0 else { continue }
      // One path for each of libdw's names.
      var paths: [UnsafePointer<CChar>: String] = [:]
      for index in 0..<count {
        guard let row = dwarf_onesrcline(rows, index) else { continue }
        var (address, number): (UInt64, Int32) = (0, 0)
        var (isStatement, isEnd) = (false, false)
        guard dwarf_linebeginstatement(row, &isStatement) == 0, isStatement,
          dwarf_lineendsequence(row, &isEnd) == 0, !isEnd, dwarf_lineaddr(row, &address) == 0,
          dwarf_lineno(row, &number) == 0, number > 0, isCode(address), !isReplaced(rows, index, address),
          let name = dwarf_linesrc(row, nil, nil)
        else { continue }
        let path = paths[name] ?? unit.path(String(cString: name))
        paths[name] = path
        try body(LineStart(file: path, line: Int(number), address: address))
      }
    }
  }

  /// Does the next row begin at the same place? Then no code was made of this one.
  private func isReplaced(_ rows: OpaquePointer?, _ index: Int, _ address: UInt64) -> Bool {
    var next: UInt64 = 0
    guard let row = dwarf_onesrcline(rows, index + 1), dwarf_lineaddr(row, &next) == 0 else { return false }
    return next == address
  }

  /// The functions, each with the line where its code begins.
  package func forEachFunctionStart(_ body: (_ name: String, LineStart) throws -> Void) rethrows {
    for unit in units.all {
      for function in unit.functions.values where isCode(function.range.lowerBound) {
        var die = function.die
        // Of several stretches the first has the function's start.
        guard die.ranges.first == function.range, let name = die.name,
          let row = dwarf_getsrc_die(&unit.die, function.range.lowerBound),
          let start = start(row, function.range.lowerBound, of: unit)
        else { continue }
        try body(name, start)
      }
    }
  }

  /// Where an assembler's source has what begins at an address: its functions are known by symbols alone.
  package func assemblyLine(at address: UInt64) -> LineStart? {
    guard let unit = units.unit(at: address), unit.isAssembly, let row = dwarf_getsrc_die(&unit.die, address)
    else { return nil }
    return start(row, address, of: unit)
  }

  /// What a row says of the code that begins there; nil of one that begins elsewhere, or says nothing.
  private func start(_ row: OpaquePointer, _ address: UInt64, of unit: DebugUnits.Unit) -> LineStart? {
    var (place, number): (UInt64, Int32) = (0, 0)
    guard dwarf_lineaddr(row, &place) == 0, place == address, dwarf_lineno(row, &number) == 0, number > 0,
      let file = dwarf_linesrc(row, nil, nil)
    else { return nil }
    return LineStart(file: unit.path(String(cString: file)), line: Int(number), address: address)
  }
}
