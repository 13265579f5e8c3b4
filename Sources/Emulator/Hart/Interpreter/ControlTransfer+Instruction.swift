// SPDX-License-Identifier: Apache-2.0

extension ControlTransfer {
  /// What `form` is of a jump.
  static func form(of instruction: DecodedInstruction) -> UInt64 {
    form(Kind(of: instruction), byteCount: Int(instruction.length))
  }
}

extension ControlTransfer.Kind {
  /// - Parameter instruction: `notedJal` or `notedJalr`.
  init(of instruction: DecodedInstruction) {
    self =
      switch instruction.destination {
      case 1: .call
      case 5: .alternateCall
      case DecodedInstruction.bin
      where instruction.opcode == .notedJalr && instruction.immediate == 0
        && (instruction.source1 == 1 || instruction.source1 == 5):
        .return
      default: .jump
      }
  }
}
