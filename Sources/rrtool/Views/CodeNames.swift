// SPDX-License-Identifier: Apache-2.0

import Emulator
import HostSystem
import RecordingStore

/// What lies where in a guest's code, by the symbols that a view was given or finds by itself.
struct CodeNames {
  /// More symbols than any kernel has.
  private static let fileLimit: UInt64 = 2 << 30

  private var tables: [(symbols: SymbolTable, displacement: UInt64)] = []

  init(_ options: SymbolOptions, for recording: Recording) throws(Failure) {
    for file in try options.found(for: recording, tell: false) {
      do throws(Failure) {
        tables.append((try Self.read(file.path), file.displacement))
      } catch {
        // What was booted may have no symbols; nobody named it.
        if !options.symbols.isEmpty || !recording.symbolPaths.isEmpty { throw error }
      }
    }
  }

  /// "name+0x12"; nil where no symbol reaches.
  func name(of address: UInt64) -> String? {
    firstName { $0.name(of: address &- $1) }
  }

  /// The same for the place that a call returns to.
  func name(ofReturnTo address: UInt64) -> String? {
    firstName { $0.name(ofReturnTo: address &- $1) }
  }

  /// All symbols where they lie in the guest.
  var places: [SymbolTable.Place] {
    tables.flatMap { table in
      table.symbols.places.map { place in
        var place = place
        place.address &+= table.displacement
        return place
      }
    }
  }

  /// What the first table answers that has an answer.
  private func firstName(_ ask: (SymbolTable, _ displacement: UInt64) -> String?) -> String? {
    for table in tables {
      if let name = ask(table.symbols, table.displacement) { return name }
    }
    return nil
  }

  /// The functions that a user asked for, by their addresses: names, or addresses where there is no name.
  ///
  /// - Parameter words: "transfer,0x80000124".
  func functions(_ words: String) throws(Failure) -> [UInt64: String] {
    var functions: [UInt64: String] = [:]
    for word in words.split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
      if word.hasPrefix("0x"), let address = UInt64(word.dropFirst(2), radix: 16) {
        functions[address] = name(of: address) ?? word
        continue
      }
      let addresses = tables.flatMap { table in
        table.symbols.addresses(of: word).map { $0 &+ table.displacement }
      }
      guard !addresses.isEmpty else { throw unknown(word) }
      for address in addresses { functions[address] = word }
    }
    return functions
  }

  /// Bytes that a user named: `ADDRESS`, `SYMBOL` or either with `,LENGTH`.
  func range(_ text: String) throws(Failure) -> (address: UInt64, byteCount: UInt64) {
    let word = text.prefix { $0 != "," }
    guard let first = word.first, !first.isNumber else { return try MemoryWords.range(text) }
    let addresses = tables.flatMap { table in
      table.symbols.addresses(of: String(word)).map { $0 &+ table.displacement }
    }
    guard let address = addresses.first else { throw unknown(String(word)) }
    guard addresses.count == 1 else {
      throw Failure(
        .usage, String(word).printable, "is the name of \(addresses.count) places",
        remedy: "give one's address: 0x\(String(address, radix: 16))")
    }
    return try MemoryWords.range("0x\(String(address, radix: 16))\(text.dropFirst(word.count))")
  }

  private func unknown(_ word: String) -> Failure {
    if word.isEmpty || word.hasSuffix(".rr") {
      return Failure(
        .usage, "calls", "is not told of which function",
        remedy:
          "give names or addresses before the recording: 'rrtool inspect calls main,0x80000124 linux.rr'")
    }
    guard !tables.isEmpty else {
      return Failure(
        .usage, word.printable, "cannot be found: there are no symbols",
        remedy: "name an ELF file that has them with --symbols, or give an address: 0x80000124")
    }
    let question = Spelling.question(about: word, among: tables.flatMap(\.symbols.allNames))
    return Failure(
      .usage, word.printable, "is no symbol of the guest's",
      remedy: "\(question)give a function's name, or an address: 0x80000124")
  }

  private static func read(_ path: String) throws(Failure) -> SymbolTable {
    let file = try HostFiles.read(path, limit: fileLimit)
    do throws(ImageFormatError) {
      let table = try SymbolTable(file)
      guard !table.isEmpty else {
        throw .unsupported(what: "an ELF file without symbols", use: "one that was not stripped")
      }
      return table
    } catch {
      throw Failure(.file, path, "names no code: \(error.reason)", remedy: "or leave --symbols out")
    }
  }
}
