// SPDX-License-Identifier: Apache-2.0

/// Which known word somebody may have meant.
enum Spelling {
  /// Nil where none is near: of a short word, another one with hardly a letter in common would be.
  static func nearest(to word: String, among known: [String]) -> String? {
    let letters = word.drop { $0 == "-" }.count
    let near = known.map { ($0, distance($0, word)) }.min { $0.1 < $1.1 }
    if let near, near.1 <= min(2, letters / 2) { return near.0 }
    // One that was not written to its end.
    let longer = letters < 3 ? [] : known.filter { $0.hasPrefix(word) }
    return longer.count == 1 ? longer[0] : nil
  }

  /// The same as a question that a sentence goes on behind; empty where there is none.
  static func question(about word: String, among known: [String]) -> String {
    nearest(to: word, among: known).map { "did you mean '\($0)'? " } ?? ""
  }

  /// How many letters are to be put in, taken away or changed to make one of the other.
  private static func distance(_ one: String, _ other: String) -> Int {
    let (from, to) = (Array(one.utf8.prefix(64)), Array(other.utf8.prefix(64)))
    var row = Array(0...to.count)
    for (line, letter) in from.enumerated() {
      var corner = row[0]
      row[0] = line + 1
      for (column, wanted) in to.enumerated() {
        let changed = corner + (letter == wanted ? 0 : 1)
        corner = row[column + 1]
        row[column + 1] = min(changed, corner + 1, row[column] + 1)
      }
    }
    return row[to.count]
  }
}
