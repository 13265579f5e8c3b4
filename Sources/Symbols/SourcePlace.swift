// SPDX-License-Identifier: Apache-2.0

/// A place in the sources that an instruction was made of.
package struct SourcePlace: Equatable, Sendable {
  /// As the sources call it; nil where they do not.
  package var function: String?
  /// As the compiler had it; nil where no line is known.
  package var file: String?
  /// From 1.
  package var line: Int?
  /// The function's body was put into that of the next place, which is where it would have been called.
  package var isInlined: Bool

  package init(function: String?, file: String?, line: Int?, isInlined: Bool) {
    self.function = function
    self.file = file
    self.line = line
    self.isInlined = isInlined
  }

  /// "ledger.c:118"; nil where no line is known.
  package var shortLine: String? {
    guard let file, let line else { return nil }
    return "\(file.split(separator: "/").last.map(String.init) ?? file):\(line)"
  }
}
