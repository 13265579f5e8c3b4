// SPDX-License-Identifier: Apache-2.0

/// What is known of the place of an instruction: names and lines, as a row has them.
public struct CodePlace: Equatable, Sendable {
  /// "transfer+0x24": the symbol and how far behind it.
  public var symbol: String?
  /// The source file as the compiler had it, and the line in it.
  public var file: String?
  public var line: Int?
  /// Functions whose bodies were put in here, the innermost first: the line is of that one.
  public var inlined: [String]

  public init(symbol: String? = nil, file: String? = nil, line: Int? = nil, inlined: [String] = []) {
    self.symbol = symbol
    self.file = file
    self.line = line
    self.inlined = inlined
  }

  /// What stands behind `symbol` in a row.
  static func columns(_ prefix: String = "") -> [Column] {
    [Column("\(prefix)file", nil), Column("\(prefix)line", nil), Column("\(prefix)inlined", nil)]
  }

  /// The symbol for machines, "transfer+0x24 (ledger.c:118)" for people.
  var symbolValue: FieldValue {
    guard let symbol else { return .none }
    return shortLine.map { .remarked(symbol, "(\($0))") } ?? .text(symbol)
  }

  /// The values of `columns`.
  var lineValues: [FieldValue] {
    [FieldValue(file), FieldValue(line.map { UInt64($0) }), inlined.isEmpty ? .none : .list(inlined)]
  }

  /// "ledger.c:118", or "ledger.c:118 in fee_for" for a line of a body that was put in.
  var shortLine: String? {
    guard let file, let line else { return nil }
    let name = file.split(separator: "/").last.map(String.init) ?? file
    return "\(name):\(line)" + (inlined.first.map { " in \($0)" } ?? "")
  }
}
