// SPDX-License-Identifier: Apache-2.0

/// Numbers as people read them.
extension UInt64 {
  /// 1234567 as "1,234,567": how positions and counts are shown to people everywhere, and can be typed again.
  package var grouped: String {
    let digits = Array(String(self).utf8)
    var text: [UInt8] = []
    for (index, digit) in digits.enumerated() {
      if index > 0 && (digits.count - index) % 3 == 0 { text.append(UInt8(ascii: ",")) }
      text.append(digit)
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// So many nanoseconds in seconds, with so many digits behind the point, nine at most; what lies behind them is cut off.
  package func seconds(digits: Int) -> String {
    let fraction = String(self % 1_000_000_000 + 1_000_000_000).dropFirst().prefix(digits)
    return "\(self / 1_000_000_000).\(fraction)"
  }
}
