// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Inspection
import Tracing

struct CallsView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calls",
    abstract: "List every call of some functions: arguments, caller, what they returned.",
    discussion: """
      It replays from --from to --to. Functions are named by the symbols of what was booted, or of --symbols, or given by their addresses.

      A function is called each time that its first instruction is executed. It has returned when execution comes to where ra pointed then,
      with the same stack pointer. One that is left by longjmp or an exception does not, unless execution comes there later all the same; of one that
      jumps to its own start the last does.

      FIELDS
        position, time_ns   the function's first instruction
        hart, mode          whose, and user, supervisor or machine
        call                the function with a0 to a3
        function, address   as it was asked for, and where it is
        arguments           a0 to a7
        returned            a0 behind the call; none when it did not return within the stretch
        return_values       a0 and a1
        instruction_count   from the call to its return, of all harts
        return_position     where it returned
        return_hart         and on which hart
        caller              what --symbols calls the place that it returns to
        return_address      ra: that place
        sp, satp            the stack pointer, and whose address space
        file, line          the source line where the function begins
        inlined             functions whose bodies were put in there, the innermost first
        caller_file, caller_line, caller_inlined
                            the same of the call; a table has the line behind the caller

      EXAMPLES
        rrtool inspect linux.rr calls sleep_until --symbols vmlinux
        rrtool inspect linux.rr calls virtio_submit,virtio_wait --symbols vmlinux --from -1_000_000 --limit 20
        rrtool inspect linux.rr calls 0x80000124 --format csv
      """)

  @Argument(
    help: ArgumentHelp("Functions by name or address: main,0x80000124.", valueName: "function[,…]"))
  var functions: String

  @OptionGroup var recording: RecordingArgument

  @OptionGroup var trace: TraceOptions

  func run() throws {
    try reporting {
      try trace.show(
        recording, as: "calls", title: "Calls", columns: FunctionCallRow.columns,
        { replay in
          FunctionCallReader(
            try replay.names.functions(functions), hart: trace.hart, limit: trace.limit ?? .max)
        },
        hart: { $0.hart },
        row: { FunctionCallRow($0, placing: $1.place(of:), caller: $1.place(ofReturnTo:)).values })
    }
  }
}
