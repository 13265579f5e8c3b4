// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Bold and red where a terminal has them, and its user wants them: nothing of it goes to files, pipes or `NO_COLOR` (no-color.org).
enum Colours {
  enum Style: String {
    case bold = "1"
    case red = "31"
  }

  static func areOn(_ descriptor: Int32) -> Bool {
    func value(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }
    return isatty(descriptor) == 1 && value("NO_COLOR").isEmpty && !["", "dumb"].contains(value("TERM"))
  }

  /// `text` as it is to be written to `descriptor`.
  static func styled(_ text: String, _ style: Style, on descriptor: Int32) -> String {
    areOn(descriptor) ? "\u{1b}[\(style.rawValue)m\(text)\u{1b}[0m" : text
  }
}
