// SPDX-License-Identifier: Apache-2.0

/// The accrued exception flags as they stand in `fflags` (unprivileged specification, "Floating-Point Control and
/// Status Register"). Arithmetic only ever sets them.
package enum FloatingPointFlags {
  @inline(__always) package static var inexact: UInt64 { 1 }
  @inline(__always) package static var underflow: UInt64 { 2 }
  @inline(__always) package static var overflow: UInt64 { 4 }
  @inline(__always) package static var divideByZero: UInt64 { 8 }
  @inline(__always) package static var invalid: UInt64 { 16 }
}
