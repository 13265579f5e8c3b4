// SPDX-License-Identifier: Apache-2.0

/// How floating-point instructions find operands in registers and give results back.
extension Interpreter {
  @inline(__always)
  func single(_ f: UnsafeMutablePointer<UInt64>, _ register: Int) -> UInt32 {
    NaNBoxing.unbox32(f[register])
  }

  @inline(__always)
  func half(_ f: UnsafeMutablePointer<UInt64>, _ register: Int) -> UInt16 {
    NaNBoxing.unbox16(f[register])
  }

  @inline(__always)
  func box(_ value: UInt32) -> UInt64 { NaNBoxing.box32(value) }

  @inline(__always)
  func box(_ value: UInt16) -> UInt64 { NaNBoxing.box16(value) }

  /// What a comparison leaves in an integer register.
  @inline(__always)
  func bit(_ value: Bool) -> UInt64 { value ? 1 : 0 }

  /// 32 bits in an integer register, unsigned ones too.
  @inline(__always)
  func extend(_ value: Int32) -> UInt64 { UInt64(bitPattern: Int64(value)) }
}
