// SPDX-License-Identifier: Apache-2.0

/// rrtool's own words beside a line of QEMU's, which count more.
enum OwnWords {
  /// Options that may be given several times, and are added up.
  private static let repeated: Set = [
    "--drive", "--pflash", "--base", "--symbols", "--directory", "--source-map",
  ]

  /// `words` without the options that `own` has as well, and their values.
  static func without(_ own: [String], in words: [String]) -> [String] {
    let names = Set(own.compactMap(name)).subtracting(repeated)
    var isGone = false
    return words.filter { word in
      if let name = name(word) { isGone = names.contains(name) }
      return !isGone
    }
  }

  /// Of an option; a value that begins with a dash is joined to its option.
  private static func name(_ word: String) -> String? {
    guard word.hasPrefix("-"), word.count > 1 else { return nil }
    let name = String(word.prefix { $0 != "=" })
    return name == "-o" ? "--output" : name
  }
}
