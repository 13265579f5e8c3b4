// SPDX-License-Identifier: Apache-2.0

extension Report {
  func renderTable(
    width: Int?, heading: @escaping (String) -> String, to write: @escaping (String) throws -> Void
  ) throws {
    for (number, section) in sections.enumerated() {
      if sections.count > 1 { try write("\(number == 0 ? "" : "\n")\(heading(section.title))\n") }
      let indent = sections.count > 1 ? "  " : ""
      switch section.shape {
      case .record:
        try section.produce { row in
          let fields = zip(section.columns, row).compactMap { column, value in
            column.title.flatMap { value == .none ? nil : (title: $0, text: HumanText.of(value)) }
          }
          let width = fields.map { $0.title.count }.max() ?? 0
          for field in fields {
            try write("\(indent)\(HumanText.padded(field.title, to: width))  \(field.text)\n")
          }
        }
      case .table:
        let rows = AlignedRows(
          columns: section.columns, indent: indent, width: width, heading: heading, write: write)
        try section.produce { row in try rows.add(row) }
        try rows.finish()
      }
    }
  }
}

/// Rows in aligned columns, the widths chosen from the first few hundred, so that any number of rows can follow.
private final class AlignedRows {
  private static let measuredRows = 500

  private let columns: [(index: Int, title: String)]
  private let indent: String
  private let width: Int?
  private let heading: (String) -> String
  private let write: (String) throws -> Void
  private var waiting: [[(text: String, isNumber: Bool)]] = []
  /// Nil until they are chosen.
  private var widths: [Int]?

  init(
    columns: [Column], indent: String, width: Int?, heading: @escaping (String) -> String,
    write: @escaping (String) throws -> Void
  ) {
    self.columns = columns.enumerated().compactMap { index, column in column.title.map { (index, $0) } }
    self.indent = indent
    self.width = width
    self.heading = heading
    self.write = write
  }

  func add(_ row: [FieldValue]) throws {
    let cells = columns.map { (text: HumanText.of(row[$0.index]), isNumber: row[$0.index].isNumber) }
    if widths != nil { return try put(cells) }
    waiting.append(cells)
    if waiting.count == Self.measuredRows { try start() }
  }

  func finish() throws {
    if widths == nil { try start() }
  }

  private func start() throws {
    guard !waiting.isEmpty else { return try write("\(indent)none\n") }
    widths = columns.indices.map { column in
      max(columns[column].title.count, waiting.map { HumanText.width($0[column].text) }.max() ?? 0)
    }
    // A heading stands over its column: to the right over numbers.
    try put(
      columns.indices.map { column in
        (columns[column].title, waiting.contains { $0[column].isNumber })
      }, style: heading)
    for cells in waiting { try put(cells) }
    waiting = []
  }

  private func put(
    _ cells: [(text: String, isNumber: Bool)], style: (String) -> String = { $0 }
  ) throws {
    guard let widths else { return }
    var line = indent
    for (column, cell) in cells.enumerated() {
      line += column == 0 ? "" : "  "
      line += HumanText.padded(cell.text, to: widths[column], right: cell.isNumber)
    }
    // Nothing comes after the last value that there is.
    let end =
      line.utf8.lastIndex { $0 != UInt8(ascii: " ") }.map { line.utf8.index(after: $0) } ?? line.startIndex
    try write("\(style(cut(line[..<end])))\n")
  }

  /// A line that is too long for its terminal would be broken there, and its columns stand below others.
  private func cut(_ line: Substring) -> String {
    guard let width, HumanText.width(String(line)) > width else { return String(line) }
    return line.prefix(max(width - 1, 1)) + "…"
  }
}

/// Values as people read them.
enum HumanText {
  static func of(_ value: FieldValue) -> String {
    switch value {
    case .none: ""
    case .text(let text): VisibleText.of(text)
    case .remarked(let text, let remark): VisibleText.of("\(text) \(remark)")
    case .data(let data): VisibleText.of(data)
    case .integer(let number): number.grouped
    case .size(let number): size(number)
    case .time(let nanoseconds):
      (nanoseconds / 1_000_000_000).grouped + "."
        + String(String(nanoseconds % 1_000_000_000 + 1_000_000_000).dropFirst())
    case .decimal(let number, let places): number.fixed(places: places) ?? "-"
    case .flag(let flag): flag ? "yes" : "no"
    case .digest(let digest): digest.hexadecimal
    case .list(let texts): texts.map { VisibleText.of($0) }.joined(separator: " ")
    }
  }

  /// 16777216 as "16 MiB", and 1234567 as "1,234,567 bytes": rounded only where nothing is lost.
  private static func size(_ number: UInt64) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] as [(UInt64, String)]
    where number != 0 && number % (1 << shift) == 0 {
      return "\((number >> shift).grouped) \(unit)"
    }
    return "\(number.grouped) bytes"
  }

  /// Characters of a text; counting them is slow, and needless for plain text.
  static func width(_ text: String) -> Int {
    text.utf8.allSatisfy { $0 < 0x80 } ? text.utf8.count : text.count
  }

  static func padded(_ text: String, to width: Int, right: Bool = false) -> String {
    let missing = width - self.width(text)
    if missing <= 0 { return text }
    let space = String(repeating: " ", count: missing)
    return right ? space + text : text + space
  }
}
