// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import RecordingStore

/// Files with the guest's symbols, which must be of what was booted.
struct SymbolOptions: ParsableArguments {
  /// In place of a file: what a Linux guest's kernel calls its own code and data.
  private static let guestsOwn = "linux"

  @Option(
    help: ArgumentHelp(
      "An ELF file with the guest's symbols; may be given several times, the most important one first. 'linux': the names that a Linux guest has of itself.",
      valueName: "file"), completion: .file())
  var symbols: [String] = []

  @Flag(help: "Take --symbols of another build than the one that was booted too.")
  var forceSymbols = false

  /// Whether the guest is to be asked; what has a file of that name says `./linux`.
  var takesGuestsOwn: Bool { symbols.contains(Self.guestsOwn) }

  /// Those that were named, each checked: one of another build is refused, and what cannot be checked is told.
  ///
  /// - Parameter orGuestsOwn: that names may come from the guest, which are no file.
  func checked(for recording: Recording, orGuestsOwn: Bool = false) throws(Failure) -> [SymbolFile] {
    if takesGuestsOwn, !orGuestsOwn {
      throw Failure(
        .usage, "--symbols \(Self.guestsOwn)", "is taken by 'rrtool inspect' alone",
        remedy: "write the names to a file with 'rrtool symbols linux', and give that")
    }
    guard forceSymbols || !symbols.isEmpty else { return [] }
    guard !symbols.isEmpty else {
      throw Failure(
        .usage, "--force-symbols", "there are no --symbols to take", remedy: "name a file with --symbols")
    }
    var files: [SymbolFile] = []
    for path in symbols where path != Self.guestsOwn {
      switch try recording.judge(symbols: path) {
      case .matching(let file): files.append(file)
      case .unknown(let file, let why):
        say("\(path): taken unchecked: \(why)".printable)
        files.append(file)
      case .other(let file, let failure):
        guard forceSymbols else { throw failure }
        say("\(path): \(failure.problem); taken all the same".printable)
        files.append(file)
      }
    }
    return files
  }

  /// Those that were named; else those that were packed with the recording; else what was booted, where that is still there.
  ///
  /// - Parameter tell: says of what was booted that it is gone, or where symbols could come from when there are none.
  func found(for recording: Recording, tell: Bool) throws(Failure) -> [SymbolFile] {
    let named = try checked(for: recording, orGuestsOwn: !tell)
    guard named.isEmpty else { return named }
    guard recording.symbolPaths.isEmpty else {
      // Which of them lie elsewhere than they say is known as before.
      return recording.symbolPaths.map { path in
        guard case .matching(let file)? = try? recording.judge(symbols: path) else {
          return SymbolFile(path: path)
        }
        return file
      }
    }
    let booted = recording.bootedFiles()
    if tell {
      for line in booted.missing { say(line) }
      if booted.files.isEmpty, booted.missing.isEmpty { say(lack(of: recording)) }
    }
    return booted.files
  }

  /// Nothing that was booted has symbols.
  private func lack(of recording: Recording) -> String {
    if Demonstration.isBooted(recording), let path = Demonstration.symbols,
      case .matching? = try? recording.judge(symbols: path)
    {
      return "no symbols are loaded: those of the demonstration guest are --symbols \(path)".printable
    }
    return
      "no symbols are loaded: what was booted has none; name an ELF file that has them with --symbols; 'rrtool symbols linux' makes one of a Linux kernel's own names"
  }
}
