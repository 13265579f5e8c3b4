// SPDX-License-Identifier: Apache-2.0

extension UInt64 {
  /// All 16 digits, as digests are written: many readers of JSON keep only 53 bits of a number.
  package var hexadecimal: String {
    let digits = String(self, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
