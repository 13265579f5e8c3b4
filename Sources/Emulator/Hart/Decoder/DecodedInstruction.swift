// SPDX-License-Identifier: Apache-2.0

/// One instruction, taken apart once so that it can be executed many times. 16 bytes.
package struct DecodedInstruction {
  package var opcode: Opcode
  /// Destination register; 32, the bin, when an integer instruction names x0.
  package var destination: UInt8
  package var source1: UInt8
  package var source2: UInt8
  /// Low twelve bits of the instruction's address.
  package var pageOffset: UInt16
  /// Instructions from this one to the end of its block, this one included.
  package var remaining: UInt8
  /// Bytes of the instruction: 2 or 4.
  package var length: UInt8
  /// The immediate, sign-extended; a shift amount; or a CSR's number.
  package var immediate: Int32
  /// The instruction as it stands in memory: rounding mode and third source are taken from here, and an illegal
  /// instruction reports it.
  package var raw: UInt32

  /// The register that takes what is written to x0: the register file has one place more than the architecture.
  package static let bin: UInt8 = 32

  /// Which branch a `waitingBranch` or a `notedBranch` is.
  var condition: Opcode {
    get { Opcode(rawValue: destination).unsafelyUnwrapped }
    set { destination = newValue.rawValue }
  }

  var roundingField: UInt32 { raw >> 12 & 7 }
  var source3: Int { Int(raw >> 27) }
}
