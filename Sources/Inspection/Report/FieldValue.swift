// SPDX-License-Identifier: Apache-2.0

/// One value of a report: what it means, from which each format makes its own text.
public enum FieldValue: Sendable, Equatable {
  /// There is none: left out of JSON, empty in CSV and tables.
  case none
  case text(String)
  /// Text, and a remark behind it for people alone.
  case remarked(String, String)
  /// Any bytes. Machine formats get them as text and, where they are not UTF-8, in base 64 too.
  case data([UInt8])
  /// A count or an ordinal.
  case integer(UInt64)
  /// A size in bytes.
  case size(UInt64)
  /// Nanoseconds of guest time; people see seconds.
  case time(UInt64)
  /// A number with so many decimal places.
  case decimal(Double, places: Int)
  case flag(Bool)
  /// A 64-bit digest, in 16 hexadecimal digits.
  case digest(UInt64)
  case list([String])

  public init(_ text: String?) { self = text.map { .text($0) } ?? .none }
  public init(_ number: UInt64?) { self = number.map { .integer($0) } ?? .none }
  public init(_ flag: Bool?) { self = flag.map { .flag($0) } ?? .none }

  /// Numbers stand at the right edge of a column.
  var isNumber: Bool {
    switch self {
    case .integer, .size, .time, .decimal: true
    default: false
    }
  }
}

/// A field that every row of a section has.
public struct Column: Sendable, Equatable {
  /// The name in machine formats; it never changes. Lower case, words joined by underscores, the unit last.
  public var name: String
  /// The heading for people; nil when a table for people leaves the column out.
  public var title: String?
  /// Whether values may be `data`; CSV then has a second column, with `_base64` after the name.
  public var holdsData: Bool

  public init(_ name: String, _ title: String?, holdsData: Bool = false) {
    self.name = name
    self.title = title
    self.holdsData = holdsData
  }
}

/// A part of a report: rows of the same columns.
public struct Section {
  public enum Shape: Sendable {
    /// Exactly one row: an object in JSON, a list of names and values for people.
    case record
    /// Any number of rows.
    case table
  }

  /// The name in machine formats.
  public var name: String
  public var title: String
  public var shape: Shape
  public var columns: [Column]
  /// Gives every row, in order, to its argument. Rows are made as they are asked for, so that there may be millions.
  public var produce: (_ row: ([FieldValue]) throws -> Void) throws -> Void

  /// A section of one row.
  public init(record name: String, title: String, _ fields: [(column: Column, value: FieldValue)]) {
    self.init(name: name, title: title, shape: .record, columns: fields.map(\.column)) { row in
      try row(fields.map(\.value))
    }
  }

  /// A section of these rows.
  public init(table name: String, title: String, columns: [Column], rows: [[FieldValue]]) {
    self.init(name: name, title: title, shape: .table, columns: columns) { row in
      for values in rows { try row(values) }
    }
  }

  public init(
    name: String, title: String, shape: Shape, columns: [Column],
    produce: @escaping (_ row: ([FieldValue]) throws -> Void) throws -> Void
  ) {
    self.name = name
    self.title = title
    self.shape = shape
    self.columns = columns
    self.produce = produce
  }
}
