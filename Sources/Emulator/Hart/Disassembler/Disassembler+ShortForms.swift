// SPDX-License-Identifier: Apache-2.0

/// The short forms that GNU's assembler knows and its disassembler prefers.
extension Disassembler {
  /// Nil when the instruction is written as it is.
  var shortForm: String? {
    switch instruction.opcode {
    case .illegal: data
    case .addi, .add, .sub, .addiw, .subw, .addUW, .xori, .andi, .slt, .sltu, .sltiu: arithmetic
    case .beq, .bne, .blt, .bge: branch
    case .jal, .jalr: jump
    case .csrrw, .csrrs, .csrrc, .csrrwi, .csrrsi, .csrrci: systemRegister
    case .fsgnjS, .fsgnjnS, .fsgnjxS, .fsgnjD, .fsgnjnD, .fsgnjxD: sign
    case .laterFloatingPoint: sign
    case .fence, .sfenceVMA: fence
    default: nil
    }
  }

  /// A word that is no instruction of the machine.
  private var data: String {
    let raw = instruction.raw
    // It is defined to be illegal, for programs that end themselves.
    if length == 2, raw == 0 { return "unimp" }
    let digits = String(raw, radix: 16)
    return ".\(length)byte 0x" + String(repeating: "0", count: max(0, 2 * length - digits.count)) + digits
  }

  private var arithmetic: String? {
    switch instruction.opcode {
    // Zcmop: decoded to what it does.
    case .addi where length == 2 && instruction.raw & 0xf8ff == 0x6081: "c.mop.\(instruction.raw >> 7 & 15)"
    case .addi where source1Number == 0 && destinationNumber == 0 && immediate == 0: "nop"
    case .addi where source1Number == 0: "li \(destination),\(immediate)"
    // A compressed one would be a hint.
    case .addi where immediate == 0 && length == 4: "mv \(destination),\(source1)"
    // Only a compressed one is written so.
    case .add where source1Number == 0 && length == 2: "mv \(destination),\(source2)"
    case .sub where source1Number == 0: "neg \(destination),\(source2)"
    case .subw where source1Number == 0: "negw \(destination),\(source2)"
    case .addiw where immediate == 0: "sext.w \(destination),\(source1)"
    case .addUW where source2Number == 0: "zext.w \(destination),\(source1)"
    case .xori where immediate == -1: "not \(destination),\(source1)"
    case .andi where immediate == 255: "zext.b \(destination),\(source1)"
    case .slt where source2Number == 0: "sltz \(destination),\(source1)"
    case .slt where source1Number == 0: "sgtz \(destination),\(source2)"
    case .sltu where source1Number == 0: "snez \(destination),\(source2)"
    case .sltiu where immediate == 1: "seqz \(destination),\(source1)"
    default: nil
    }
  }

  private var branch: String? {
    switch instruction.opcode {
    case .beq where source2Number == 0: "beqz \(source1),\(target)"
    case .bne where source2Number == 0: "bnez \(source1),\(target)"
    case .bge where source1Number == 0: "blez \(source2),\(target)"
    case .bge where source2Number == 0: "bgez \(source1),\(target)"
    case .blt where source2Number == 0: "bltz \(source1),\(target)"
    case .blt where source1Number == 0: "bgtz \(source2),\(target)"
    default: nil
    }
  }

  private var jump: String? {
    let goal = immediate == 0 ? source1 : place
    return switch (instruction.opcode, destinationNumber) {
    case (.jal, 0): "j \(target)"
    case (.jal, 1): "jal \(target)"
    case (.jalr, 0): source1Number == 1 && immediate == 0 ? "ret" : "jr \(goal)"
    case (.jalr, 1): "jalr \(goal)"
    default: nil
    }
  }

  private var systemRegister: String? {
    let (isRead, isQuiet) = (source1Number == 0, destinationNumber == 0)
    switch instruction.opcode {
    // It writes a counter that nobody may write.
    case .csrrw where instruction.raw == 0xc000_1073: return "unimp"
    case .csrrs where isRead:
      switch immediate {
      case 1: return "frflags \(destination)"
      case 2: return "frrm \(destination)"
      case 3: return "frcsr \(destination)"
      case 0xc00: return "rdcycle \(destination)"
      case 0xc01: return "rdtime \(destination)"
      case 0xc02: return "rdinstret \(destination)"
      default: return "csrr \(destination),\(csr)"
      }
    case .csrrw where (1...3).contains(immediate):
      let name = ["fsflags", "fsrm", "fscsr"][Int(immediate) - 1]
      return isQuiet ? "\(name) \(source1)" : "\(name) \(destination),\(source1)"
    case .csrrwi where (1...2).contains(immediate):
      let name = ["fsflagsi", "fsrmi"][Int(immediate) - 1]
      return isQuiet ? "\(name) \(source1Number)" : "\(name) \(destination),\(source1Number)"
    case .csrrw where isQuiet: return "csrw \(csr),\(source1)"
    case .csrrs where isQuiet: return "csrs \(csr),\(source1)"
    case .csrrc where isQuiet: return "csrc \(csr),\(source1)"
    case .csrrwi where isQuiet: return "csrwi \(csr),\(source1Number)"
    case .csrrsi where isQuiet: return "csrsi \(csr),\(source1Number)"
    case .csrrci where isQuiet: return "csrci \(csr),\(source1Number)"
    default: return nil
    }
  }

  private var sign: String? {
    guard source1Number == source2Number else { return nil }
    let name: String
    switch instruction.opcode {
    case .fsgnjS: name = "fmv.s"
    case .fsgnjnS: name = "fneg.s"
    case .fsgnjxS: name = "fabs.s"
    case .fsgnjD: name = "fmv.d"
    case .fsgnjnD: name = "fneg.d"
    case .fsgnjxD: name = "fabs.d"
    default:
      switch instruction.laterFloatingPoint {
      case .fsgnjH: name = "fmv.h"
      case .fsgnjnH: name = "fneg.h"
      case .fsgnjxH: name = "fabs.h"
      default: return nil
      }
    }
    return "\(name) \(Self.floatingPointNames[destinationNumber]),\(floatSource1)"
  }

  private var fence: String? {
    switch instruction.opcode {
    case .fence where instruction.raw == 0x8330_000f: "fence.tso"
    case .fence where instruction.raw == 0x0ff0_000f: "fence"
    case .sfenceVMA where source2Number == 0: source1Number == 0 ? "sfence.vma" : "sfence.vma \(source1)"
    default: nil
    }
  }
}
