// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Inspection
import Tracing

struct InterruptsView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "interrupts", abstract: "List the interrupts that the harts took.",
    discussion: """
      It replays from --from to --to: 'traps' without exceptions.

      FIELDS
        position, time_ns  the instruction that the interrupt was taken in front of
        hart               whose
        kind               interrupt
        cause, name        its number and its name in the manual
        pc, symbol         where the instruction is, and what --symbols calls it
        mode               user, supervisor or machine: where the hart was
        handler_mode       supervisor or machine: where it went
        file, line         the source line of the instruction; a table has it behind the symbol
        inlined            functions whose bodies were put in there, the innermost first

      EXAMPLES
        rrtool inspect linux.rr interrupts --limit 20
        rrtool inspect linux.rr interrupts --from 50% --hart 1 --symbols vmlinux
      """)

  @OptionGroup var recording: RecordingArgument

  @OptionGroup var trace: TraceOptions

  func run() throws {
    try reporting {
      try trace.show(
        recording, as: "interrupts", title: "Interrupts", columns: TrapRow.columns,
        { _ in TrapReader(onlyInterrupts: true) }, hart: { $0.hart },
        row: { TrapRow($0, placing: $1.place(of:)).values })
    }
  }
}
