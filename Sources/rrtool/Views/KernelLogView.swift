// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Inspection
import LinuxGuest

struct KernelLogView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dmesg", abstract: "Show the log of a Linux guest's kernel at any position.",
    discussion: """
      It replays up to --at, from the last snapshot before, and reads the kernel's log in the guest's memory, also what never came to
      a console, or has not yet: the guest does not help, and does not notice. The kernel itself says where it is (kallsyms) and how it is made (BTF or VMCOREINFO); for one that does not,
      --symbols names its vmlinux, with debugging information.

      FIELDS
        sequence        number of the message since the kernel began
        kernel_time_ns  by the kernel's clock
        level           emerg, alert, crit, err, warn, notice, info or debug
        facility        who says it: 0 for the kernel, others as in syslog
        text            the message, without a prefix

      EXAMPLES
        rrtool inspect linux.rr dmesg --at 50%
        rrtool inspect linux.rr dmesg --at before-bug --format csv
        rrtool inspect linux.rr dmesg
      """)

  @OptionGroup var recording: RecordingArgument

  @OptionGroup var linux: LinuxPlace

  func run() throws {
    try reporting {
      try linux.show(
        recording, "dmesg", { (kernel) throws(LinuxGuestError) in try kernel.messages() },
        report: { Report(messages: $0) })
    }
  }
}
