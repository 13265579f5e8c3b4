// SPDX-License-Identifier: Apache-2.0

extension ControlTransfer {
  /// What `form` is of a jump.
  static func form(of instruction: DecodedInstruction) -> UInt64 {
    form(Kind(of: instruction), byteCount: Int(instruction.length))
  }
}

extension ControlTransfer.Kind {
  /// - Parameter instruction: one that is told.
  init(of instruction: DecodedInstruction) {
    self =
      switch (instruction.opcode, instruction.destination) {
      case (.notedBranch, _), (.waitingBranch, _): .branch
      case (_, 1): .call
      case (_, 5): .alternateCall
      case (.notedJalr, DecodedInstruction.bin)
      where instruction.immediate == 0 && (instruction.source1 == 1 || instruction.source1 == 5):
        .return
      default: .jump
      }
  }
}
