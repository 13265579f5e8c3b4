// SPDX-License-Identifier: Apache-2.0

import HostSystem
import Inspection

/// The sources of a guest, as far as they are on this host.
struct SourceFiles {
  /// More than anybody writes by hand.
  private static let byteLimit: UInt64 = 16 << 20

  private let maps: [(from: String, to: String)]
  private let folders: [String]

  init(_ options: SourceOptions) throws(Failure) {
    maps = try options.maps()
    folders = try options.folders()
  }

  /// The lines around one of a file as the compiler had it; nil where the file is not found, or is shorter.
  ///
  /// - Parameter symbols: the file that names it: near that sources are looked for.
  func text(of file: String, around line: Int, count: Int, symbols: String) -> SourceRow.Text? {
    let path = places(of: file, symbols: symbols).first { HostFiles.kind(of: $0) == .regular }
    guard let path, let bytes = try? HostFiles.read(path, limit: Self.byteLimit) else { return nil }
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    guard line <= lines.count else { return nil }
    let shown = max(line - count, 1)...min(line + count, lines.count)
    return SourceRow.Text(
      path: path, lines: shown.map { ($0, Self.text(of: lines[$0 - 1])) })
  }

  /// Folders that were given come first, as with gdb: there also the last part of a name is looked for.
  private func places(of file: String, symbols: String) -> [String] {
    let name = file.split(separator: "/").last.map(String.init) ?? file
    let mapped = maps.compactMap { map in
      let from = map.from.hasSuffix("/") ? map.from : map.from + "/"
      return file.hasPrefix(from) ? "\(map.to)/\(file.dropFirst(from.count))" : nil
    }
    let given = folders.flatMap { ["\($0)/\(file)", "\($0)/\(name)"] }
    let near = file.hasPrefix("/") ? [file] : DebuggerStart.foldersNear(symbols).map { "\($0)/\(file)" }
    return given + mapped + near
  }

  /// With blanks in place of tabs.
  private static func text(of line: ArraySlice<UInt8>) -> String {
    var text = ""
    for character in String(decoding: line, as: UTF8.self) where character != "\r" {
      if character == "\t" {
        text += String(repeating: " ", count: 8 - text.count % 8)
      } else {
        text.append(character)
      }
    }
    return text
  }
}
