// SPDX-License-Identifier: Apache-2.0

/// A place in the sources where a hart stands.
public struct SourceRow {
  public var hart: Int
  /// 0 for the innermost; those behind it are where bodies were put in.
  public var frame: Int
  public var programCounter: UInt64
  public var symbol: String?
  /// As the sources call it.
  public var function: String?
  public var file: String?
  public var line: Int?
  public var isInlined: Bool
  /// The file on this host, and what stands in it around the line; nil where it was not found.
  public var text: Text?

  public struct Text {
    public var path: String
    /// By ascending numbers.
    public var lines: [(number: Int, text: String)]

    public init(path: String, lines: [(number: Int, text: String)]) {
      self.path = path
      self.lines = lines
    }
  }

  public init(
    hart: Int, frame: Int, programCounter: UInt64, symbol: String?, function: String? = nil,
    file: String? = nil, line: Int? = nil, isInlined: Bool = false, text: Text? = nil
  ) {
    self.hart = hart
    self.frame = frame
    self.programCounter = programCounter
    self.symbol = symbol
    self.function = function
    self.file = file
    self.line = line
    self.isInlined = isInlined
    self.text = text
  }

  static let columns = [
    Column("hart", "Hart"), Column("frame", "Frame"), Column("pc", "Program counter"),
    Column("symbol", "Symbol"), Column("function", "Function"), Column("is_inlined", nil),
    Column("source", "Source"), Column("file", nil), Column("line", nil),
  ]

  var values: [FieldValue] {
    [
      .integer(UInt64(hart)), .integer(UInt64(frame)), .text(Report.hexadecimal(programCounter)),
      FieldValue(symbol), function.map { isInlined ? .remarked($0, "(inlined)") : .text($0) } ?? .none,
      .flag(isInlined), FieldValue(CodePlace(file: file, line: line).shortLine), FieldValue(file),
      FieldValue(line.map { UInt64($0) }),
    ]
  }
}

extension Report {
  /// Places in the sources, and the texts around those that have one.
  public init(sources rows: [SourceRow]) {
    let columns = [
      Column("hart", "Hart"), Column("path", nil), Column("number", "Line"), Column("is_here", "Here"),
      Column("text", "Text"),
    ]
    let lines = rows.flatMap { row -> [[FieldValue]] in
      guard let text = row.text else { return [] }
      return text.lines.map { line in
        [
          .integer(UInt64(row.hart)), .text(text.path), .integer(UInt64(line.number)),
          line.number == row.line ? .flag(true) : .none, .text(line.text),
        ]
      }
    }
    self.init([
      Section(table: "places", title: "Places", columns: SourceRow.columns, rows: rows.map(\.values)),
      Section(table: "lines", title: "Lines", columns: columns, rows: lines),
    ])
  }
}
