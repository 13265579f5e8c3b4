// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Inspection
import Tracing

struct TrapsView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "traps", abstract: "List the exceptions and interrupts that the harts took.",
    discussion: """
      It replays from --from to --to. Nothing of it disturbs the guest: it is the recorded run.

      FIELDS
        position, time_ns  the instruction that trapped, or that an interrupt was taken in front of; where the instruction before
                           it brought the interrupt about, a replay sent there stands in the handler
        hart               whose
        kind               exception or interrupt
        cause, name        its number and its name in the manual
        pc, symbol         where the instruction is, and what --symbols calls it
        value              what mtval or stval got: an address, an instruction; none for interrupts
        mode               user, supervisor or machine: where the hart was
        handler_mode       supervisor or machine: where it went
        file, line         the source line of the instruction; a table has it behind the symbol
        inlined            functions whose bodies were put in there, the innermost first

      EXAMPLES
        rrtool inspect linux.rr traps --from 50% --limit 20
        rrtool inspect linux.rr traps --from -1_000_000 --symbols vmlinux
        rrtool inspect linux.rr traps --hart 1 --to 20% --format csv
      """)

  @OptionGroup var recording: RecordingArgument

  @OptionGroup var trace: TraceOptions

  func run() throws {
    try reporting {
      try trace.show(
        recording, as: "traps", title: "Traps", columns: TrapRow.columns, { _ in TrapReader() },
        hart: { $0.hart }, row: { TrapRow($0, placing: $1.place(of:)).values })
    }
  }
}
