// SPDX-License-Identifier: Apache-2.0

/// The registers of a hart with their numbers, and the description that tells gdb their names.
///
/// gdb takes any of the names that the manual has for a register, and shows its own: `fp` for what is `s0` elsewhere.
///
/// Numbers 0 to 31 are the integer registers, 32 is `pc`, 33 to 64 are the floating-point registers; the CSRs follow in
/// the order of their own numbers, from 65 on, and the privilege level stands behind all of those.
public struct RegisterSet: Sendable {
  public struct ControlAndStatusRegister: Equatable, Sendable {
    public var number: Int
    public var name: String

    public init(number: Int, name: String) {
      self.number = number
      self.name = name
    }
  }

  public static let programCounter = 32
  public static let firstFloatingPoint = 33
  public static let firstControlAndStatus = 65
  public static let privilege = 65 + 4096

  /// The registers that one `g` packet carries: integer, `pc` and floating-point.
  static let general = 0..<firstControlAndStatus

  /// The return address, and the pointers to the stack, the global data, the thread's data and the frame.
  private static let pointerTypes = [
    1: "code_ptr", 2: "data_ptr", 3: "data_ptr", 4: "data_ptr", 8: "data_ptr",
  ]

  /// `fflags`, `frm` and `fcsr` belong to the floating-point unit.
  private static let floatingPointStatus = 1...3

  /// The document that `qXfer:features:read:target.xml` hands out.
  let description: [UInt8]

  /// - Parameters:
  ///   - integerNames: of the 32 integer registers.
  ///   - floatingPointNames: of the 32 floating-point registers.
  public init(
    integerNames: [String], floatingPointNames: [String],
    controlAndStatus registers: [ControlAndStatusRegister]
  ) {
    precondition(integerNames.count == 32 && floatingPointNames.count == 32)
    // Without an OS, gdb leaves stepping to us. For Linux programs it puts a breakpoint at the instruction that it
    // thinks comes next, which traps and interrupts prove wrong.
    var text = """
      <?xml version="1.0"?>
      <!DOCTYPE target SYSTEM "gdb-target.dtd">
      <target version="1.0">
      <architecture>riscv:rv64</architecture>
      <osabi>none</osabi>
      <feature name="org.gnu.gdb.riscv.cpu">

      """
    for (number, name) in integerNames.enumerated() {
      text += Self.register(name, number, type: Self.pointerTypes[number] ?? "int")
    }
    text += Self.register("pc", Self.programCounter, type: "code_ptr")
    text += "</feature>\n<feature name=\"org.gnu.gdb.riscv.fpu\">\n"
    text += """
      <union id="riscv_double"><field name="float" type="ieee_single"/><field name="double" type="ieee_double"/></union>

      """
    for (number, name) in floatingPointNames.enumerated() {
      text += Self.register(name, Self.firstFloatingPoint + number, type: "riscv_double", group: "float")
    }
    for register in registers where Self.floatingPointStatus.contains(register.number) {
      text += Self.register(
        register.name, Self.firstControlAndStatus + register.number, type: "int", group: "float")
    }
    text += "</feature>\n<feature name=\"org.gnu.gdb.riscv.csr\">\n"
    for register in registers where !Self.floatingPointStatus.contains(register.number) {
      text += Self.register(
        register.name, Self.firstControlAndStatus + register.number, type: "int", group: "csr")
    }
    text += "</feature>\n<feature name=\"org.gnu.gdb.riscv.virtual\">\n"
    text += Self.register("priv", Self.privilege, type: "int", group: "general")
    text += "</feature>\n</target>\n"
    description = Array(text.utf8)
  }

  private static func register(_ name: String, _ number: Int, type: String, group: String? = nil) -> String {
    let group = group.map { " group=\"\($0)\"" } ?? ""
    return "<reg name=\"\(name)\" bitsize=\"64\" regnum=\"\(number)\" type=\"\(type)\"\(group)/>\n"
  }
}
