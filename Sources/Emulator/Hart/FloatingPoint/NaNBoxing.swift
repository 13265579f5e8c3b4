// SPDX-License-Identifier: Apache-2.0

/// How a binary32 or binary16 value stands in a 64-bit register: with all upper bits set (unprivileged specification,
/// "NaN Boxing of Narrower Values").
package enum NaNBoxing {
  @inline(__always) package static func box32(_ value: UInt32) -> UInt64 {
    0xffff_ffff_0000_0000 | UInt64(value)
  }

  /// The value in a register; the canonical NaN where the register does not hold a binary32 value. Not for moves and
  /// stores, which take the lower bits as they are.
  @inline(__always) package static func unbox32(_ register: UInt64) -> UInt32 {
    register >= 0xffff_ffff_0000_0000 ? UInt32(truncatingIfNeeded: register) : Binary32.canonicalNaN
  }
  package static func box16(_ value: UInt16) -> UInt64 {
    0xffff_ffff_ffff_0000 | UInt64(value)
  }

  /// As `unbox32`. A boxed binary32 value is none of binary16, unless it is boxed as one itself.
  @inline(__always) package static func unbox16(_ register: UInt64) -> UInt16 {
    register >= 0xffff_ffff_ffff_0000 ? UInt16(truncatingIfNeeded: register) : Binary16.canonicalNaN
  }
}
