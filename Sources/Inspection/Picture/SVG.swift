// SPDX-License-Identifier: Apache-2.0

/// Pieces of pictures: scalable vector graphics (SVG 1.1).
enum SVG {
  static func number(_ value: Double) -> String { value.fixed(places: 1) ?? "0" }

  /// Text of a guest or a file as content of an element: visible, and no markup.
  static func escaped(_ text: String) -> String {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return lines.map { line in
      var escaped = ""
      for scalar in VisibleText.of(line).unicodeScalars {
        switch scalar {
        case "&": escaped += "&amp;"
        case "<": escaped += "&lt;"
        case ">": escaped += "&gt;"
        default: escaped.unicodeScalars.append(scalar)
        }
      }
      return escaped
    }.joined(separator: "\n")
  }

  static func text(
    _ x: Double, _ y: Double, _ style: String, _ text: String, anchor: String = "start"
  ) -> String {
    "<text class=\"\(style)\" x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\">\(escaped(text))</text>\n"
  }
}
