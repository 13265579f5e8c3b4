// SPDX-License-Identifier: Apache-2.0

import ReplayLog
import TimeTravel

extension Report {
  /// Who wrote the bytes that a question was about, as one record. `place` tells what is known of an address of code.
  public init(of outcome: LastWriteOutcome, placing place: (UInt64) -> CodePlace = { _ in CodePlace() }) {
    var fields: [(column: Column, value: FieldValue)] = []
    func add(_ column: String, _ title: String, _ value: FieldValue) {
      if value != .none { fields.append((Column(column, title), value)) }
    }
    switch outcome {
    case .interrupted: add("writer", "Written by", .text("unknown: the search was interrupted"))
    case .unwritten(let since, let isLoaded):
      add("writer", "Written by", .text(isLoaded ? "loader" : "nobody"))
      add("position", "Position", .integer(since))
    case .found(let write):
      let (writer, hart, programCounter) = Self.writer(write.source)
      add("writer", "Written by", .text(writer))
      add("position", "Position", .integer(write.moment.position))
      add("time_ns", "Guest time (s)", .time(write.moment.time))
      add("hart", "Hart", FieldValue(hart.map { UInt64($0) }))
      add("pc", "Program counter", FieldValue(programCounter.map(Self.hexadecimal)))
      let code = programCounter.map(place) ?? CodePlace()
      add("symbol", "Symbol", code.symbolValue)
      for (column, value) in zip(CodePlace.columns(), code.lineValues) where value != .none {
        fields.append((column, value))
      }
      if case .device(let device, _, _) = write.source { add("device", "Device", .text(device)) }
      if case .drive(let drive, let id, let request) = write.source {
        add("drive", "Drive", .integer(UInt64(drive)))
        add("request", "Request", .integer(id))
        add("sector", "Sector", FieldValue(write.sector))
        add("request_sector", "First sector of request", FieldValue(request?.sector))
        add("request_sector_count", "Sectors of request", FieldValue(request?.sectorCount))
      }
      add("address", "Physical address", .text(Self.hexadecimal(write.address)))
      add("byte_count", "Bytes", .integer(UInt64(write.byteCount)))
      add("old", "Old value", .text(Self.value(write.old)))
      add("new", "New value", .text(Self.value(write.new)))
    }
    self.init([Section(record: "last_write", title: "Last write", fields)])
  }

  /// Who wrote each of some bytes, a row for those that one write was the last of.
  public init(of rows: [LastWriteRow]) {
    let columns = [
      Column("bytes", "Bytes"), Column("writer", "Written by"), Column("position", "Position"),
      Column("hart", "Hart"), Column("pc", "Program counter"), Column("old", "Old value"),
      Column("new", "New value"),
    ]
    let values = rows.map { row -> [FieldValue] in
      let last = row.address &+ UInt64(max(row.byteCount, 1) - 1)
      let bytes =
        row.byteCount > 1
        ? "\(Self.hexadecimal(row.address))-\(Self.hexadecimal(last))" : Self.hexadecimal(row.address)
      switch row.outcome {
      case .interrupted:
        return [
          .text(bytes), .text("unknown: the search was interrupted"), .none, .none, .none, .none, .none,
        ]
      case .unwritten(let since, let isLoaded):
        return [
          .text(bytes), .text(isLoaded ? "loader" : "nobody"), .integer(since), .none, .none, .none, .none,
        ]
      case .found(let write):
        let (writer, hart, programCounter) = Self.writer(write.source)
        return [
          .text(bytes), .text(writer), .integer(write.moment.position), FieldValue(hart.map { UInt64($0) }),
          FieldValue(programCounter.map(Self.hexadecimal)), .text(Self.value(write.old)),
          .text(Self.value(write.new)),
        ]
      }
    }
    self.init([Section(table: "last_writes", title: "Last writes", columns: columns, rows: values)])
  }

  private static func writer(_ source: LastWrite.Source) -> (
    name: String, hart: Int?, programCounter: UInt64?
  ) {
    switch source {
    case .instruction(let hart, let programCounter): ("instruction", hart, programCounter)
    case .pageTableWalk(let hart, let programCounter): ("page-table-walk", hart, programCounter)
    case .firmware(let hart, let programCounter): ("sbi", hart, programCounter)
    case .device(_, let hart, let programCounter): ("device", hart, programCounter)
    case .drive: ("drive", nil, nil)
    case .network: ("network", nil, nil)
    case .hostInterface: ("host-interface", nil, nil)
    case .reset(let byGuest): (byGuest ? "guest-reset" : "host-reset", nil, nil)
    }
  }

  /// An integer where it can be one, else the bytes in the order of their addresses.
  static func value(_ bytes: [UInt8]) -> String {
    if [1, 2, 4, 8].contains(bytes.count) {
      return hexadecimal(bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) })
    }
    return bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  static func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
}

/// Bytes, and the last write to them.
public struct LastWriteRow {
  public var address: UInt64
  public var byteCount: Int
  public var outcome: LastWriteOutcome

  public init(address: UInt64, byteCount: Int, outcome: LastWriteOutcome) {
    self.address = address
    self.byteCount = byteCount
    self.outcome = outcome
  }
}
