// SPDX-License-Identifier: Apache-2.0

/// Operands of Zfhmin, Zfh and Zfa.
extension Disassembler {
  var laterFloatingPointOperands: String {
    switch instruction.laterFloatingPoint {
    // Exact, as `fcvt.d.s` is.
    case .fcvtSH, .fcvtDH: "\(floatDestination),\(floatSource1)\(exactRounding)"
    case .fcvtHS, .fcvtHD, .fsqrtH, .froundS, .froundnxS, .froundD, .froundnxD, .froundH, .froundnxH:
      "\(floatDestination),\(floatSource1)\(rounding)"
    case .fmvXH, .fclassH: "\(destination),\(floatSource1)"
    case .fmvHX: "\(floatDestination),\(source1)"
    case .fmaddH, .fmsubH, .fnmsubH, .fnmaddH:
      "\(floatDestination),\(floatSource1),\(floatSource2),\(floatSource3)\(rounding)"
    case .faddH, .fsubH, .fmulH, .fdivH: "\(floatDestination),\(floatSource1),\(floatSource2)\(rounding)"
    case .fsgnjH, .fsgnjnH, .fsgnjxH, .fminH, .fmaxH, .fminmS, .fmaxmS, .fminmD, .fmaxmD, .fminmH, .fmaxmH:
      "\(floatDestination),\(floatSource1),\(floatSource2)"
    case .fcvtWH, .fcvtWUH, .fcvtLH, .fcvtLUH, .fcvtmodWD: "\(destination),\(floatSource1)\(rounding)"
    case .fcvtHW, .fcvtHWU, .fcvtHL, .fcvtHLU: "\(floatDestination),\(source1)\(rounding)"
    case .feqH, .fltH, .fleH, .fleqS, .fltqS, .fleqD, .fltqD, .fleqH, .fltqH:
      "\(destination),\(floatSource1),\(floatSource2)"
    case .fliS, .fliD, .fliH: "\(floatDestination),\(Self.constants[source1Number])"
    }
  }

  /// The values of `fli` as C's `%a` writes them.
  private static let constants = [
    "-0x1p+0", "min", "0x1p-16", "0x1p-15", "0x1p-8", "0x1p-7", "0x1p-4", "0x1p-3", "0x1p-2", "0x1.4p-2",
    "0x1.8p-2", "0x1.cp-2", "0x1p-1", "0x1.4p-1", "0x1.8p-1", "0x1.cp-1", "0x1p+0", "0x1.4p+0", "0x1.8p+0",
    "0x1.cp+0", "0x1p+1", "0x1.4p+1", "0x1.8p+1", "0x1p+2", "0x1p+3", "0x1p+4", "0x1p+7", "0x1p+8", "0x1p+15",
    "0x1p+16", "inf", "nan",
  ]
}
