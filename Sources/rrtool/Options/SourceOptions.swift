// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem

/// Where sources are found.
struct SourceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Sources that the compiler had below FROM are below TO; may be given several times.",
      valueName: "from=to"))
  var sourceMap: [String] = []

  @Option(
    help: ArgumentHelp(
      "A folder in which sources are looked for; may be given several times.",
      valueName: "folder"), completion: .directory)
  var directory: [String] = []

  var areGiven: Bool { !sourceMap.isEmpty || !directory.isEmpty }

  func maps() throws(Failure) -> [(from: String, to: String)] {
    try sourceMap.map { (text) throws(Failure) in
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty, Self.isOneLine(text) else {
        throw Failure(
          .usage, "--source-map \(text)", "names no two folders",
          remedy: "give FROM=TO: /build/linux=/home/me/linux")
      }
      return (parts[0], HostFiles.absolute(parts[1]))
    }
  }

  func folders() throws(Failure) -> [String] {
    try directory.map { (path) throws(Failure) in
      guard HostFiles.kind(of: path) == .folder, Self.isOneLine(path) else {
        throw Failure(.usage, "--directory \(path)", "is not a folder", remedy: "name one with sources")
      }
      return HostFiles.absolute(path)
    }
  }

  /// It goes into a file of commands.
  private static func isOneLine(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
  }
}
