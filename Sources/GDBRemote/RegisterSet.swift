/// The registers of a hart, with the numbers and names by which gdb knows them, and the description that tells it so.
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

  private static let integerNames = [
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "fp", "s1", "a0", "a1", "a2", "a3", "a4", "a5", "a6",
    "a7",
    "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
  ]

  private static let floatingPointNames = [
    "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0", "fa1", "fa2", "fa3", "fa4",
    "fa5",
    "fa6", "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9",
    "ft10",
    "ft11",
  ]

  /// `fflags`, `frm` and `fcsr` belong to the floating-point unit.
  private static let floatingPointStatus = 1...3

  /// The document that `qXfer:features:read:target.xml` hands out.
  let description: [UInt8]

  public init(_ registers: [ControlAndStatusRegister]) {
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
    for (number, name) in Self.integerNames.enumerated() {
      let type = ["ra": "code_ptr", "sp": "data_ptr", "gp": "data_ptr", "tp": "data_ptr", "fp": "data_ptr"][
        name]
      text += Self.register(name, number, type: type ?? "int")
    }
    text += Self.register("pc", Self.programCounter, type: "code_ptr")
    text += "</feature>\n<feature name=\"org.gnu.gdb.riscv.fpu\">\n"
    text += """
      <union id="riscv_double"><field name="float" type="ieee_single"/><field name="double" type="ieee_double"/></union>

      """
    for (number, name) in Self.floatingPointNames.enumerated() {
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
