// SPDX-License-Identifier: Apache-2.0

import HostSystem
import Inspection
import RecordingStore
import Symbols
import Tracing

/// What lies where in a guest's code, by the symbols that a view was given or finds by itself.
struct CodeNames {
  /// The most important one first.
  private(set) var files: [CodeSymbols] = []

  init(_ options: SymbolOptions, for recording: Recording) throws {
    for file in try options.found(for: recording, tell: false) {
      do throws(Failure) {
        files.append(try CodeSymbols(file))
      } catch {
        // What was booted may have no symbols; nobody named it.
        if !options.symbols.isEmpty || !recording.symbolPaths.isEmpty { throw error }
      }
    }
    if options.takesGuestsOwn { files.append(try CodeSymbols(ownOf: recording)) }
  }

  /// "name+0x12" and the line; nothing where no symbol reaches.
  func place(of address: UInt64) -> CodePlace {
    place { ($0.symbols.name(of: address &- $0.displacement), $0.places(at: address)) }
  }

  /// The same for the place that a call returns to: it belongs to what called, also where that ends with the call.
  func place(ofReturnTo address: UInt64) -> CodePlace {
    place { ($0.symbols.name(ofReturnTo: address &- $0.displacement), $0.places(at: address &- 1)) }
  }

  /// All symbols of the files, where they lie in the guest.
  var code: [NamedCode] {
    files.flatMap { file in
      file.symbols.places.map {
        NamedCode(
          address: $0.address &+ file.displacement, byteCount: $0.byteCount, name: $0.name,
          isFunction: $0.isFunction)
      }
    }
  }

  /// The places in the sources that the instruction at an address was made of, the innermost first, and the file that says so.
  func sources(of address: UInt64) -> (places: [SourcePlace], file: CodeSymbols)? {
    for file in files where file.symbols.name(of: address &- file.displacement) != nil {
      let places = file.places(at: address)
      if !places.isEmpty { return (places, file) }
    }
    return nil
  }

  /// What the first file has that has a name; a line also of one that has the same name there.
  private func place(
    _ ask: (CodeSymbols) -> (name: String?, places: [SourcePlace])
  ) -> CodePlace {
    var symbol: String?
    for file in files {
      let answer = ask(file)
      guard let name = answer.name, symbol == nil || symbol == name else { continue }
      symbol = name
      guard let place = answer.places.first, place.line != nil else { continue }
      return CodePlace(
        symbol: name, file: place.file, line: place.line,
        inlined: answer.places.filter(\.isInlined).map { $0.function ?? "?" })
    }
    return CodePlace(symbol: symbol)
  }

  /// The functions that a user asked for, by their addresses: names, or addresses where there is no name.
  ///
  /// - Parameter words: "transfer,0x80000124".
  func functions(_ words: String) throws(Failure) -> [UInt64: String] {
    var functions: [UInt64: String] = [:]
    for word in words.split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
      if word.hasPrefix("0x"), let address = UInt64(word.dropFirst(2), radix: 16) {
        functions[address] =
          files.lazy.compactMap { $0.symbols.name(of: address &- $0.displacement) }.first ?? word
        continue
      }
      let addresses = files.flatMap { file in
        file.symbols.addresses(of: word).map { $0 &+ file.displacement }
      }
      guard !addresses.isEmpty else { throw unknown(word) }
      for address in addresses { functions[address] = word }
    }
    return functions
  }

  private func unknown(_ word: String) -> Failure {
    if word.isEmpty || word.hasSuffix(".rr") {
      return Failure(
        .usage, "calls", "is not told of which function",
        remedy:
          "give names or addresses before the recording: 'rrtool inspect calls main,0x80000124 linux.rr'")
    }
    guard !files.isEmpty else { return noSymbols(for: word) }
    let question = Spelling.question(about: word, among: files.flatMap(\.symbols.allNames))
    return Failure(
      .usage, word.printable, "is no symbol of the guest's",
      remedy: "\(question)give a function's name, or an address: 0x80000124")
  }
}
