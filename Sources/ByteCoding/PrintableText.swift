// SPDX-License-Identifier: Apache-2.0

extension String {
  /// Names and texts come from strangers' files: what could start a new line or an escape sequence of a terminal is a question
  /// mark here.
  package var printable: String {
    func isControl(_ scalar: Unicode.Scalar) -> Bool {
      scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) || [0x2028, 0x2029].contains(scalar.value)
    }
    guard unicodeScalars.contains(where: isControl) else { return self }
    return String(String.UnicodeScalarView(unicodeScalars.map { isControl($0) ? "?" : $0 }))
  }
}
