// SPDX-License-Identifier: Apache-2.0

import HostSystem
import RecordingStore

/// What a debugger that rrtool starts is given.
struct DebuggerStart {
  /// The most important file first.
  var symbols: [SymbolFile]
  /// Named on the command line, and so the user's own.
  var areSymbolsNamed: Bool
  /// Names of folders that the compiler had, and where they are.
  var sourceMaps: [(from: String, to: String)]
  /// Where sources are looked for, the first first.
  var folders: [String]

  /// Folders near a file in which sources with relative names may be, as reproducible builds have them: its own, or one of the two
  /// above, since programs are often built in a folder among their sources.
  static func foldersNear(_ file: String) -> [String] {
    var folder = HostFiles.absolute(file)
    return (0..<3).map { _ in
      folder = HostFiles.parentFolder(of: folder)
      return folder
    }
  }

  /// A word of a command, of gdb's and of lldb's.
  static func quoted(_ text: String) -> String {
    "\"" + text.map { "\"\\".contains($0) ? "\\\($0)" : String($0) }.joined() + "\""
  }
}
