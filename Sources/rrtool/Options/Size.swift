import HostSystem

/// Sizes as users write them.
enum Size {
  static func parse(_ text: String, option: String) throws(Failure) -> UInt64 {
    let units: [Character: UInt64] = ["K": 10, "M": 20, "G": 30]
    var digits = text[...]
    var shift: UInt64 = 0
    if let last = text.last, let unit = units[Character(last.uppercased())] {
      digits = text.dropLast()
      shift = unit
    }
    guard let number = UInt64(digits), number <= UInt64.max >> shift, !digits.hasPrefix("+") else {
      throw Failure(.usage, "\(option) \(text)", "is not a size", remedy: "give one such as 512M or 2G")
    }
    return number << shift
  }

  /// For people: "12.3 MiB".
  static func describe(_ bytes: UInt64) -> String {
    if bytes < 1024 { return "\(bytes) B" }
    var value = Double(bytes)
    var unit = ""
    for name in ["KiB", "MiB", "GiB", "TiB"] where value >= 1024 {
      value /= 1024
      unit = name
    }
    return "\(Double(Int(value * 10)) / 10) \(unit)"
  }
}
