// SPDX-License-Identifier: Apache-2.0

extension CSR {
  /// The control and status registers that say what a hart is doing, by the manual's names.
  static let named: [(name: String, number: Int)] =
    [
      ("fflags", fflags), ("frm", frm), ("fcsr", fcsr), ("sstatus", sstatus), ("sie", sie),
      ("stvec", stvec), ("scounteren", scounteren), ("senvcfg", senvcfg),
      ("sscratch", sscratch), ("sepc", sepc), ("scause", scause), ("stval", stval),
      ("sip", sip), ("stimecmp", stimecmp), ("satp", satp), ("mstatus", mstatus),
      ("misa", misa), ("medeleg", medeleg), ("mideleg", mideleg), ("mie", mie),
      ("mtvec", mtvec), ("mcounteren", mcounteren), ("menvcfg", menvcfg),
      ("mcountinhibit", mcountinhibit), ("mscratch", mscratch), ("mepc", mepc),
      ("mcause", mcause), ("mtval", mtval), ("mip", mip), ("mcycle", mcycle),
      ("minstret", minstret), ("cycle", cycle), ("time", time), ("instret", instret),
      ("mvendorid", mvendorid), ("marchid", marchid), ("mimpid", mimpid),
      ("mhartid", mhartid), ("mconfigptr", mconfigptr), ("scountovf", scountovf),
      ("pmpcfg0", pmpConfiguration), ("pmpcfg2", pmpConfiguration + 2),
    ] + (0..<PhysicalMemoryProtection.entryCount).map { ("pmpaddr\($0)", pmpAddress + $0) }
}
