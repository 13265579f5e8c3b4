// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Inspection
import Tracing

struct FirmwareCallsView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sbi", abstract: "List what a kernel asked of its firmware, and the answers.",
    discussion: """
      It replays from --from to --to. A call is an 'ecall' in S mode, whether the built-in SBI serves it or firmware such as OpenSBI in
      M mode.

      FIELDS
        position, time_ns   the ecall
        hart                whose
        name                extension and function: TIME.set_timer, legacy.console_putchar
        extension, function a7 and a6
        arguments           a0 to a5
        error, error_name   a0 behind the call; none when it did not return within the stretch
        value               a1 behind the call
        instruction_count   from the call to its return, of all harts
        pc, symbol          where the ecall is, and what --symbols calls it
        file, line          its source line; a table has it behind the symbol
        inlined             functions whose bodies were put in there, the innermost first

      EXAMPLES
        rrtool inspect linux.rr sbi --limit 20
        rrtool inspect linux.rr sbi --from 50% --symbols vmlinux
        rrtool inspect linux.rr sbi --format ndjson
      """)

  @OptionGroup var recording: RecordingArgument

  @OptionGroup var trace: TraceOptions

  func run() throws {
    try reporting {
      try trace.show(
        recording, as: "sbi", title: "SBI calls", columns: FirmwareCallRow.columns,
        { _ in FirmwareCallReader(hart: trace.hart, limit: trace.limit ?? .max) }, hart: { $0.hart },
        row: { FirmwareCallRow($0, placing: $1.place(of:)).values })
    }
  }
}
