// SPDX-License-Identifier: Apache-2.0

import CDwarf
import Glibc

/// How the registers of a caller are found from those of what it called, at one place of the code (DWARF 5, section 6.4).
struct FrameRules {
  enum Rule {
    /// It is what it is.
    case same
    /// It was overwritten.
    case undefined
    case expression([Dwarf_Op])
  }

  /// The canonical frame address: the caller's stack pointer.
  var canonicalAddress: [Dwarf_Op]
  /// Those of x1 to x31.
  var registers: [(number: Int, rule: Rule)]
  /// Which register has the return address then.
  var returnColumn: Int
  /// The place was interrupted, and not left by a call.
  var isSignal: Bool
  /// The first instruction that they are for.
  var start: UInt64

  /// Nil where a table has no rules.
  init?(_ table: OpaquePointer, at address: UInt64) {
    var found: OpaquePointer?
    guard dwarf_cfi_addrframe(table, address, &found) == 0, let frame = found else { return nil }
    defer { free(UnsafeMutableRawPointer(frame)) }
    var (start, end): (UInt64, UInt64) = (0, 0)
    var isSignal = false
    let column = dwarf_frame_info(frame, &start, &end, &isSignal)
    guard column > 0, column < 32, (start..<max(end, start)).contains(address) else { return nil }
    var operations: UnsafeMutablePointer<Dwarf_Op>?
    var count = 0
    guard dwarf_frame_cfa(frame, &operations, &count) == 0, count > 0, let operations else { return nil }
    canonicalAddress = Array(UnsafeBufferPointer(start: operations, count: count))
    returnColumn = Int(column)
    self.isSignal = isSignal
    self.start = start
    registers = (1..<32).map { ($0, Self.rule(of: $0, in: frame)) }
  }

  private static func rule(of number: Int, in frame: OpaquePointer) -> Rule {
    withUnsafeTemporaryAllocation(of: Dwarf_Op.self, capacity: 3) { memory in
      guard let room = memory.baseAddress else { return .undefined }
      var operations: UnsafeMutablePointer<Dwarf_Op>?
      var count = 0
      guard dwarf_frame_register(frame, Int32(number), room, &operations, &count) == 0 else {
        return .undefined
      }
      // No operations mean two things, which libdw tells apart by where it says that they are.
      guard count > 0, let operations else { return operations == nil ? .same : .undefined }
      return .expression(Array(UnsafeBufferPointer(start: operations, count: count)))
    }
  }
}

extension DebugFile {
  /// The rules at an address of the file's code; nil where it has none.
  func frameRules(at address: UInt64) -> FrameRules? {
    guard isCode(address) else { return nil }
    for table in frameTables { if let rules = FrameRules(table, at: address) { return rules } }
    return nil
  }

  /// Those of a function that begins a little behind an address: for instructions that kernels have in front to be patched, which
  /// change nothing.
  func frameRules(behind address: UInt64, isSame: (UInt64) -> Bool) -> FrameRules? {
    for distance in stride(from: UInt64(2), through: Self.patchedBytes, by: 2) {
      let place = address &+ distance
      guard isSame(place) else { return nil }
      if let rules = frameRules(at: place) { return rules.start == place ? rules : nil }
    }
    return nil
  }
}
