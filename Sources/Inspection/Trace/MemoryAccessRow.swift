// SPDX-License-Identifier: Apache-2.0

import Emulator
import Tracing

/// An access to memory as the values of a row.
public struct MemoryAccessRow {
  public static let columns =
    [
      Column("position", "Position"), Column("time_ns", "Guest time (s)"), Column("hart", "Hart"),
      Column("access", "Access"), Column("source", "By"), Column("address", "Address"),
      Column("byte_count", "Bytes"), Column("old", "Old value"), Column("new", "New value"),
      Column("pc", "Program counter"), Column("symbol", "Symbol"), Column("mode", nil),
    ] + CodePlace.columns()

  public let values: [FieldValue]

  /// - Parameter place: what is known of an address of code.
  package init(
    _ access: MemoryAccess, placing place: (UInt64) -> CodePlace
  ) {
    let hasInstruction: Bool
    let source: String
    switch access.source {
    case .instruction: (source, hasInstruction) = ("instruction", true)
    case .pageTableWalk: (source, hasInstruction) = ("page-table-walk", true)
    case .firmware: (source, hasInstruction) = ("sbi", true)
    case .device: (source, hasInstruction) = (access.device ?? "device", true)
    case .blockCompletion(let drive, _): (source, hasInstruction) = ("drive\(drive)", false)
    case .frame(let interface): (source, hasInstruction) = ("net\(interface)", false)
    case .hostInterface: (source, hasInstruction) = ("host-interface", false)
    case .reset(let byGuest): (source, hasInstruction) = (byGuest ? "guest-reset" : "host-reset", false)
    }
    let kind =
      switch access.kind {
      case .read: "read"
      case .write: "write"
      case .access: "update"
      }
    let place = hasInstruction ? place(access.programCounter) : CodePlace()
    values =
      [
        .integer(access.moment.position), .time(access.moment.time),
        hasInstruction ? .integer(UInt64(access.hart)) : .none, .text(kind), .text(source),
        .text(Report.hexadecimal(access.address)), .integer(UInt64(access.old.count)),
        access.kind == .read ? .none : .text(Report.value(access.old)), .text(Report.value(access.new)),
        hasInstruction ? .text(Report.hexadecimal(access.programCounter)) : .none,
        place.symbolValue,
        hasInstruction ? .text(access.privilege.modeName) : .none,
      ] + place.lineValues
  }
}
