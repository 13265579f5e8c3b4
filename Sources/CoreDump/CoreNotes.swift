// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// The notes of a core: the registers of every hart, in the layouts that Linux defines for RISC-V processes, so that
/// debuggers show harts as threads; and what gdb needs to show CSRs.
enum CoreNotes {
  private static let processStatus: UInt32 = 1  // NT_PRSTATUS
  private static let floatingPoint: UInt32 = 2  // NT_PRFPREG
  private static let controlAndStatus: UInt32 = 0x900  // NT_RISCV_CSR
  private static let targetDescription: UInt32 = 0xff00_0000  // NT_GDB_TDESC

  /// All notes, one behind the other. `kernelInformationOffset` is where VMCOREINFO's text is in them.
  static func all(of core: CoreDescription) -> (bytes: [UInt8], kernelInformationOffset: Int?) {
    var bytes: [UInt8] = []
    for (index, hart) in core.harts.enumerated() {
      // A thread's number is never 0; gdb takes it from the first note, and the notes that follow are of the same one.
      bytes += note(type: processStatus, owner: "CORE", statusOf(hart, thread: UInt32(index + 1)))
      bytes += note(type: floatingPoint, owner: "CORE", floatingPointOf(hart))
      if !hart.controlAndStatusRegisters.isEmpty {
        var values = ByteWriter()
        for register in hart.controlAndStatusRegisters { values.uint64(register.value) }
        bytes += note(type: controlAndStatus, owner: "GDB", values.bytes)
      }
    }
    if let names = core.harts.first?.controlAndStatusRegisters.map(\.name), !names.isEmpty {
      bytes += note(type: targetDescription, owner: "GDB", describe(controlAndStatus: names))
    }
    if let given = core.givenNote { bytes += given.bytes }
    var offset: Int?
    if let information = core.kernelInformation {
      offset = bytes.count + VMCoreInfo.textOffset
      bytes += information.note
    }
    return (bytes, offset)
  }

  /// A note: sizes, type, then name and contents, each padded to four bytes.
  static func note(type: UInt32, owner: String, _ contents: [UInt8]) -> [UInt8] {
    func pad(_ writer: inout ByteWriter) {
      while writer.count % 4 != 0 { writer.uint8(0) }
    }
    var writer = ByteWriter(reserving: contents.count + 32)
    writer.uint32(UInt32(owner.utf8.count + 1))
    writer.uint32(UInt32(contents.count))
    writer.uint32(type)
    writer.raw(owner.utf8)
    writer.uint8(0)
    pad(&writer)
    writer.raw(contents)
    pad(&writer)
    return writer.bytes
  }

  /// `struct elf_prstatus`: of what is said of a process only the thread's number means something here.
  private static func statusOf(_ hart: CoreDescription.Hart, thread: UInt32) -> [UInt8] {
    let beforeThread = 32
    let betweenThreadAndRegisters = 112 - 36
    var writer = ByteWriter(reserving: 376)
    writer.raw(repeatElement(0, count: beforeThread))
    writer.uint32(thread)
    writer.raw(repeatElement(0, count: betweenThreadAndRegisters))
    writer.uint64(hart.programCounter)
    for value in hart.integerRegisters { writer.uint64(value) }
    // pr_fpvalid and padding.
    writer.uint32(1)
    writer.uint32(0)
    return writer.bytes
  }

  /// `struct __riscv_d_ext_state`.
  private static func floatingPointOf(_ hart: CoreDescription.Hart) -> [UInt8] {
    var writer = ByteWriter(reserving: 264)
    for value in hart.floatingPointRegisters { writer.uint64(value) }
    writer.uint32(hart.floatingPointStatus)
    writer.uint32(0)
    return writer.bytes
  }

  /// gdb's target description. NT_RISCV_CSR has values only: which CSRs they are of follows from the order here.
  private static func describe(controlAndStatus names: [String]) -> [UInt8] {
    func register(_ name: String, _ type: String) -> String {
      "<reg name=\"\(name)\" bitsize=\"64\" type=\"\(type)\"/>\n"
    }
    var text = """
      <?xml version="1.0"?>
      <!DOCTYPE target SYSTEM "gdb-target.dtd">
      <target version="1.0">
      <architecture>riscv:rv64</architecture>
      <feature name="org.gnu.gdb.riscv.cpu">

      """
    for number in 0..<32 { text += register("x\(number)", number == 2 ? "data_ptr" : "int") }
    text += register("pc", "code_ptr")
    text += "</feature>\n<feature name=\"org.gnu.gdb.riscv.fpu\">\n"
    for number in 0..<32 { text += register("f\(number)", "ieee_double") }
    for name in ["fflags", "frm", "fcsr"] { text += register(name, "int") }
    text += "</feature>\n<feature name=\"org.gnu.gdb.riscv.csr\">\n"
    for name in names { text += register(name, "int") }
    text += "</feature>\n</target>\n"
    return Array(text.utf8)
  }
}
