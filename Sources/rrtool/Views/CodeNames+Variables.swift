// SPDX-License-Identifier: Apache-2.0

import HostSystem
import Symbols

extension CodeNames {
  /// Where something is that a user named, and how many bytes it has, as far as that is known: a symbol, or a part of a variable as the
  /// sources have it.
  func find(_ name: String) throws(Failure) -> (address: UInt64, byteCount: UInt64?) {
    for file in files {
      let addresses = Set(file.symbols.addresses(of: name)).sorted()
      if let address = addresses.first {
        guard addresses.count == 1 else { throw ambiguous(name, addresses.map { $0 &+ file.displacement }) }
        return (address &+ file.displacement, file.symbols.size(of: name))
      }
    }
    if let path = VariablePath(name) {
      for file in files {
        do throws(VariableError) {
          if let found = try file.debugFile?.find(path) {
            return (found.address &+ file.displacement, found.byteCount)
          }
        } catch {
          throw Failure(
            .usage, name.printable, error.reason,
            remedy: candidates(for: path, error.candidates) + "give an address, or what has one place")
        }
      }
    }
    throw unknown(name)
  }

  private func candidates(for path: VariablePath, _ names: [String]) -> String {
    guard case .member(let wanted)? = path.steps.last else { return "" }
    return Spelling.question(about: wanted, among: names)
  }

  private func ambiguous(_ name: String, _ addresses: [UInt64]) -> Failure {
    let shown = addresses.prefix(4).map { "0x\(String($0, radix: 16))" }.joined(separator: ", ")
    return Failure(
      .usage, name.printable, "is the name of \(addresses.count) things",
      remedy: "give the address of one: \(shown)")
  }

  private func unknown(_ name: String) -> Failure {
    guard !files.isEmpty else { return noSymbols(for: name) }
    let start = VariablePath(name)?.name ?? name
    let question = Spelling.question(about: start, among: files.flatMap(\.symbols.allNames))
    return Failure(
      .usage, name.printable, "is no symbol of the guest's",
      remedy: "\(question)give the name of a variable, or an address: 0x80201000")
  }

  /// Nothing tells names.
  func noSymbols(for name: String) -> Failure {
    Failure(
      .usage, name.printable, "cannot be found: there are no symbols",
      remedy: "name an ELF file that has them with --symbols, or give an address: 0x80000124")
  }
}
