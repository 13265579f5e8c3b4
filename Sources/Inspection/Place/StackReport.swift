// SPDX-License-Identifier: Apache-2.0

/// A frame of a hart's stack: a place in the sources, and what is known of the frame.
public struct StackRow {
  public var place: SourceRow
  public var stackPointer: UInt64
  /// How the frame was found.
  public var finder: String

  public init(place: SourceRow, stackPointer: UInt64, finder: String) {
    self.place = place
    self.stackPointer = stackPointer
    self.finder = finder
  }
}

extension Report {
  /// Stacks, and why each of them ends where it does.
  public init(stacks rows: [StackRow], ends: [(hart: Int, end: String)]) {
    self.init([
      Section(
        table: "frames", title: "Frames",
        columns: SourceRow.columns + [Column("sp", "Stack pointer"), Column("found_by", "Found by")],
        rows: rows.map { row in
          row.place.values + [.text(Self.hexadecimal(row.stackPointer)), .text(row.finder)]
        }),
      Section(
        table: "ends", title: "Ends", columns: [Column("hart", "Hart"), Column("end", "Ends with")],
        rows: ends.map { [.integer(UInt64($0.hart)), .text($0.end)] }),
    ])
  }
}
