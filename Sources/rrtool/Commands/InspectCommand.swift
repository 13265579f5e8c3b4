// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Look into a recording.",
    discussion: """
      What to show is a verb of its own, before the recording or behind it, and has a page of help: 'rrtool help inspect events'. What
      crossed the machine's edge is read from the log; what ran inside is found by a replay: last-write, calls, syscalls, traps,
      interrupts, sbi, mmio, and at a place registers, disassembly, x, source, backtrace, and of a Linux guest tasks, dmesg, modules, mounts. Nothing is written. docs/inspect.md tells more of formats and fields.

      EXAMPLES
        rrtool inspect                                       a summary of the latest recording
        rrtool inspect linux.rr events --kind clock-read --from -400_000 --to end
        rrtool inspect linux.rr console --timestamps
        rrtool inspect linux.rr events --format ndjson
        rrtool inspect linux.rr packets --protocol dns
        rrtool inspect linux.rr pcap -o linux.pcapng         what passed through its network, for Wireshark
        rrtool inspect linux.rr chart > linux.svg            a picture of the run
        rrtool inspect linux.rr last-write 0x80201000,8 --before 50% --symbols vmlinux
        rrtool inspect linux.rr calls sleep_until --symbols vmlinux
        rrtool inspect linux.rr syscalls --limit 20
        rrtool inspect linux.rr tasks --at 50%
      """,
    subcommands: ViewWords.views, defaultSubcommand: SummaryView.self)
}
