// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Inspection
import Tracing

struct SystemCallsView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "syscalls", abstract: "List the system calls of programs, and what they returned.",
    discussion: """
      It replays from --from to --to. A call is an 'ecall' in U mode; names and errors are those of 64-bit RISC-V Linux. Nothing is asked of
      the guest, which may be any kernel, with or without symbols.

      A call has returned where a hart goes back to user mode behind the ecall in the same address space and with the same stack and
      thread pointers. Texts are told as far as they were in memory, 256 bytes at most; dots tell that there was more.

      FIELDS
        position, time_ns   the ecall
        hart                whose
        task                sscratch: in Linux the address of the task
        call                nearly as strace has it: openat(-100, "/etc/passwd", 0x80000, 0x0)
        returned            what it returned, or the error's name; none when it did not return within the stretch
        instruction_count   from the call to its return, of all harts
        name, number        a7
        arguments           a0 to a5
        result, error       a0 behind the call, and the error's name
        return_position     where it returned
        return_hart         and on which hart
        pc, symbol          where the ecall is, and what --symbols calls it
        satp                whose address space
        file, line          the source line of the ecall
        inlined             functions whose bodies were put in there, the innermost first

      EXAMPLES
        rrtool inspect linux.rr syscalls --limit 20
        rrtool inspect linux.rr syscalls --from 50% --to before-bug
        rrtool inspect linux.rr syscalls --format csv
      """)

  @OptionGroup var recording: RecordingArgument

  @OptionGroup var trace: TraceOptions

  func run() throws {
    try reporting {
      try trace.show(
        recording, as: "syscalls", title: "System calls", columns: SystemCallRow.columns,
        { _ in SystemCallReader(hart: trace.hart, limit: trace.limit ?? .max) }, hart: { $0.hart },
        row: { SystemCallRow($0, placing: $1.place(of:)).values })
    }
  }
}
