// SPDX-License-Identifier: Apache-2.0

/// A module of a Linux kernel.
package struct KernelModule: Sendable {
  package var name: String
  package var state: String
  /// Where its code begins.
  package var address: UInt64
  /// All that it has of the kernel's memory.
  package var byteCount: UInt64
  /// How often it is in use, by other modules and otherwise.
  package var useCount: UInt64
  /// Modules that use it, the latest first.
  package var users: [String]
}

extension LinuxKernel {
  /// The latest first.
  package func modules() throws(LinuxGuestError) -> KernelRows<KernelModule> {
    try rows(listAt: address(of: "modules"), of: "module", by: "list") {
      (module) throws(LinuxGuestError) in [try self.module(module)]
    }
  }

  /// The names that modules have, as far as the kernel tells where those are.
  package func moduleSymbols() -> KernelRows<KernelSymbol> {
    do throws(LinuxGuestError) {
      return try rows(listAt: address(of: "modules"), of: "module", by: "list") {
        (module) throws(LinuxGuestError) in try symbols(of: module)
      }
    } catch {
      return KernelRows(problem: error)
    }
  }

  /// The kernel's own limit (MODULE_NAME_LEN) is smaller.
  private static var moduleNameLimit: Int { 64 }
  /// Names that lie further apart than a module is large are none.
  private static var moduleSymbolLimit: UInt64 { 1 << 20 }

  private func module(_ module: KernelObject) throws(LinuxGuestError) -> KernelModule {
    let (address, byteCount) = try extent(of: module)
    let users = try rows(listAt: module.place("source_list"), of: "module_use", by: "source_list") {
      (use) throws(LinuxGuestError) -> [String] in
      try use.target("source", "module").map { (user) throws(LinuxGuestError) in [try name(of: user)] } ?? []
    }
    return KernelModule(
      name: try name(of: module), state: try state(of: module), address: address, byteCount: byteCount,
      // One more than there are uses, as long as it is loaded.
      useCount: UInt64(max(Int32(truncatingIfNeeded: try module.number("refcnt", bytes: 4)) - 1, 0)),
      users: users.rows)
  }

  private func name(of module: KernelObject) throws(LinuxGuestError) -> String {
    try module.text("name", limit: Self.moduleNameLimit)
  }

  private func state(of module: KernelObject) throws(LinuxGuestError) -> String {
    switch try module.number("state", bytes: 4) {
    case 0: "live"
    case 1: "loading"
    case 2: "unloading"
    default: "unformed"
    }
  }

  /// Since 6.4 a module's memory is in several pieces, the code first; before, what stays and what is for its start alone.
  private func extent(of module: KernelObject) throws(LinuxGuestError) -> (UInt64, UInt64) {
    let isPieces = knows("mem", in: "module")
    let type = isPieces ? "module_memory" : "module_layout"
    let size = try self.size(of: type)
    let first = try module.place(isPieces ? "mem" : "core_layout")
    // Code, data, data for reading, data that is read only once set, and the last three again for the start.
    let pieces = try (0..<(isPieces ? 7 : 1)).map { (index) throws(LinuxGuestError) in
      let piece = object(type, at: first &+ UInt64(index) &* size)
      return (base: try piece.pointer("base"), count: try piece.number("size", bytes: 4))
    }
    return (pieces[0].base, pieces.reduce(0) { $0 &+ $1.count })
  }

  private func symbols(of module: KernelObject) throws(LinuxGuestError) -> [KernelSymbol] {
    guard let tables = try module.target("kallsyms", "mod_kallsyms") else { return [] }
    let count = min(try tables.number("num_symtab", bytes: 4), Self.moduleSymbolLimit)
    let (table, names) = (try tables.pointer("symtab"), try tables.pointer("strtab"))
    // Before 5.2 the letters stood in the table itself.
    let kinds = knows("typetab", in: "mod_kallsyms") ? try tables.pointer("typetab") : nil
    let owner = try name(of: module)
    // An ELF symbol of 64 bits: name, info, other, section, value, size.
    let bytes = TableBytes(memory.read(table, count: Int(count) * 24))
    let letters = kinds.map { memory.read($0, count: Int(count)) }
    var symbols: [KernelSymbol] = []
    for index in 0..<Int(count) {
      guard let name = bytes.number(24 * index, 4), let info = bytes.number(24 * index + 4, 1),
        let section = bytes.number(24 * index + 6, 2), let value = bytes.number(24 * index + 8, 8),
        section != 0, letters.map({ index < $0.count }) ?? true
      else { continue }
      let text = try memory.text(at: names &+ name, limit: 512)
      // Compilers' labels, of which modules for RISC-V keep thousands, are no names.
      guard let first = text.utf8.first, !".$".utf8.contains(first) else { continue }
      symbols.append(
        KernelSymbol(
          address: value, kind: letters?[index] ?? UInt8(info), name: text, module: owner))
    }
    return symbols
  }
}
