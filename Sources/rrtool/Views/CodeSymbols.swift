// SPDX-License-Identifier: Apache-2.0

import Emulator
import HostSystem
import RecordingStore
import Symbols
import TimeTravel

/// A file that tells what lies where in a guest: its symbols, and its debugging information once that is asked for.
final class CodeSymbols {
  let path: String
  let symbols: SymbolTable
  /// What is added to its addresses.
  let displacement: UInt64
  /// Nil when there is none; what is wrong with it is said once.
  private(set) lazy var debugFile: DebugFile? = {
    do throws(Failure) {
      return try DebugFile(path: path)
    } catch {
      say("\(error)")
      return nil
    }
  }()

  init(_ file: SymbolFile) throws(Failure) {
    path = file.path
    displacement = file.displacement
    let bytes = try HostFiles.read(file.path, limit: DebugFile.byteLimit)
    do throws(ImageFormatError) {
      symbols = try SymbolTable(bytes)
      guard !symbols.isEmpty else {
        throw .unsupported(what: "an ELF file without symbols", use: "one that was not stripped")
      }
    } catch {
      throw Failure(.file, path, "names no code: \(error.reason)", remedy: "or leave --symbols out")
    }
  }

  /// What the kernel of a Linux guest calls its own code and data where the recording ends: by then it has all modules that it was to have.
  init(ownOf recording: Recording) throws {
    let timeline = try Timeline(recording, near: .end)
    _ = try timeline.goThere()
    path = "the guest's memory"
    displacement = 0
    symbols = try SymbolTable(OwnNames(of: timeline).file)
    debugFile = nil
  }

  /// The places in the sources that the instruction at an address was made of, the innermost first.
  func places(at address: UInt64) -> [SourcePlace] {
    let linked = address &- displacement
    return debugFile?.places(at: linked, within: symbols.extent(around: linked)) ?? []
  }
}
