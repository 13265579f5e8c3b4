// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Emulator
import HostSystem
import Inspection
import RecordingStore
import TimeTravel

/// The options of `rrtool inspect last-write`.
struct LastWriteOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "last-write: the address is virtual, for this hart where --before stands.", valueName: "hart"))
  var virtual: Int?

  @Flag(help: "last-write: the address is physical, as it is without --virtual.")
  var physical = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("last-write: look before this position (end).", valueName: "position"),
    completion: Completions.position)
  var before: String?

  @OptionGroup var symbols: SymbolOptions

  /// More symbols than any kernel has.
  private static let symbolFileLimit: UInt64 = 2 << 30

  func report(of recording: Recording, _ address: String, before position: UInt64) throws -> Report {
    let range = try range(address)
    let tables = try tables(for: recording)
    let timeline = try Timeline(recording, near: .absolute(position))
    let progress = Progress("looking back", from: 0, to: position, consoleIsTerminal: false)
    let control = SearchControl(progress: { done, _ in progress.show(done) })
    let outcome = try timeline.lastWrite(to: range, before: position, control: control)
    progress.finish()
    return Report(of: outcome) { address in
      for table in tables {
        if let name = table.symbols.name(of: address &- table.displacement) { return name }
      }
      return nil
    }
  }

  private func tables(
    for recording: Recording
  ) throws(Failure) -> [(symbols: SymbolTable, displacement: UInt64)] {
    var tables: [(symbols: SymbolTable, displacement: UInt64)] = []
    for file in try symbols.found(for: recording, tell: false) {
      do throws(Failure) {
        tables.append((try Self.readSymbols(file.path), file.displacement))
      } catch {
        // What was booted may have no symbols; nobody named it.
        if !symbols.symbols.isEmpty || !recording.symbolPaths.isEmpty { throw error }
      }
    }
    return tables
  }

  private func range(_ text: String) throws(Failure) -> MemoryRange {
    if physical, virtual != nil {
      throw Failure(.usage, "--physical", "cannot be given with --virtual", remedy: "leave one of them out")
    }
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let address = Self.number(parts[0]),
      let count = parts.count == 2 ? Self.number(parts[1]) : 1
    else {
      throw Failure(.usage, text, "is no address", remedy: "give ADDRESS or ADDRESS,LENGTH: 0x80201000,8")
    }
    return MemoryRange(
      address: address, byteCount: count, space: virtual.map { .virtual(hart: $0) } ?? .physical)
  }

  private static func number(_ text: Substring) -> UInt64? {
    text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
  }

  private static func readSymbols(_ path: String) throws(Failure) -> SymbolTable {
    let file = try HostFiles.read(path, limit: symbolFileLimit)
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
