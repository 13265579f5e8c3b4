// SPDX-License-Identifier: Apache-2.0

import Tracing

/// An access to a device as the values of a row.
public struct DeviceAccessRow {
  public static let columns =
    [
      Column("position", "Position"), Column("time_ns", "Guest time (s)"), Column("hart", "Hart"),
      Column("device", "Device"), Column("access", "Access"), Column("offset", "Offset"),
      Column("byte_count", "Bytes"), Column("value", "Value"), Column("address", nil),
      Column("pc", "Program counter"), Column("symbol", "Symbol"), Column("mode", nil),
    ] + CodePlace.columns()

  public let values: [FieldValue]

  package init(_ access: DeviceAccess, placing place: (UInt64) -> CodePlace) {
    let place = place(access.programCounter)
    values =
      [
        .integer(access.moment.position), .time(access.moment.time), .integer(UInt64(access.hart)),
        .text(access.device), .text(access.isStore ? "write" : "read"),
        .text(Report.hexadecimal(access.offset)), .integer(UInt64(access.byteCount)),
        .text(Report.hexadecimal(access.value)), .text(Report.hexadecimal(access.address)),
        .text(Report.hexadecimal(access.programCounter)), place.symbolValue,
        .text(access.privilege.modeName),
      ] + place.lineValues
  }
}
