// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Emulator
import HostSystem
import Inspection
import Tracing

struct AccessesView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "memory",
    abstract: "List every access to some bytes of memory: who, when, what was there before and after.",
    discussion: """
      It replays from --from to --to. Bytes are named by a symbol of what was booted, or of --symbols, by a part of a variable, or by their virtual address. Loads,
      stores and atomics of all harts count by virtual addresses, whatever page table maps them. What else writes memory (drives and other devices, page-table
      walks that set A and D bits, the built-in SBI, resets) counts by the physical address that the bytes have for hart 0 where the
      stretch begins, or for the hart that --by names.

      FIELDS
        position, time_ns   the instruction that did it, or the next one
        hart, mode          whose, and user, supervisor or machine; none where no instruction did it
        access              read, write, or update (an atomic that does both)
        source              instruction, page-table-walk, sbi, a device's name, drive0, net0, host-interface, guest-reset, host-reset
        address, byte_count the first byte of the access, virtual, and how many; it may reach beyond what was asked for
        old, new            what they held before and after: a number of 1, 2, 4 or 8 bytes, else bytes in their order; a read has only new
        pc, symbol          the instruction, and what --symbols calls it
        file, line          where it is in the sources, where --symbols has debugging information
        inlined             the functions whose bodies were put in there, the innermost first

      EXAMPLES
        rrtool inspect linux.rr memory 0x80002000,8 --access w
        rrtool inspect linux.rr memory 'branches[0].balances[4]' --symbols vmlinux --limit 20
        rrtool inspect linux.rr memory 0x80002000,8 --from 50% --format csv
      """)

  @Argument(
    help: ArgumentHelp(
      "The first byte by address or name, and how many bytes: 0x80201000,8.",
      valueName: "address[,length]"))
  var place: String

  @OptionGroup var recording: RecordingArgument

  @Option(help: ArgumentHelp("r: reads only, w: writes only, rw: both.", valueName: "kind"))
  var access = "rw"

  @Option(help: ArgumentHelp("By whose page tables bytes have physical addresses (0).", valueName: "hart"))
  var by: Int?

  @OptionGroup var trace: TraceOptions

  /// More than anybody watches; a list of all accesses to more would never end.
  private static let byteLimit: UInt64 = 1 << 20

  private func kind() throws(Failure) -> StopPoints.Watchpoint.Kind {
    switch access {
    case "r": return .read
    case "w": return .write
    case "rw", "wr": return .access
    default:
      throw Failure(.usage, "--access \(access.printable)", "is no kind of access", remedy: "give r, w or rw")
    }
  }

  func run() throws {
    try reporting {
      let (kind, word) = (try kind(), try MemoryWords(range: place))
      try trace.show(
        recording, as: "accesses", title: "Accesses", columns: MemoryAccessRow.columns,
        { replay in
          let by = try HartWords.checked(by, of: replay.timeline.recording) ?? 0
          let bytes = try word.bytes(replay.names)
          guard (1...Self.byteLimit).contains(bytes.byteCount) else {
            throw Failure(
              .usage, place.printable, "is not from 1 byte to 1 MiB", remedy: "give another LENGTH")
          }
          guard
            let watchpoint = StopPoints.Watchpoint(kind, at: bytes.address, byteCount: bytes.byteCount)
          else {
            throw Failure(
              .usage, place.printable, "reaches beyond the last address", remedy: "give a smaller LENGTH")
          }
          return MemoryAccessReader(watchpoint, hart: by)
        },
        hart: { $0.hart },
        row: { MemoryAccessRow($0, placing: $1.place(of:)).values })
    }
  }
}
