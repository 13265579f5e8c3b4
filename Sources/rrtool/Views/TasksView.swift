// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Inspection
import LinuxGuest

struct TasksView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tasks", abstract: "List the tasks of a Linux guest at any position.",
    discussion: """
      It replays up to --at, from the last snapshot before, and reads the kernel's lists in the guest's memory: the guest does not help, and
      does not notice. The kernel itself says where they are (kallsyms) and how they are made (BTF); for one that does not, --symbols names
      its vmlinux, with debugging information. Tasks of processors that idle are not among them.

      FIELDS
        pid, tgid      the task's own number, and its process's: that of its first thread
        parent         the process that is told of its end
        state          running, sleeping, disk-sleep, idle, stopped, traced, parked, zombie or dead; running ones may wait for a processor
        cpu            where it ran last, as the kernel counts
        hart           which hart runs it at present
        is_kernel      a thread of the kernel's own
        virtual_bytes  addresses that the process uses, as ps has them (VSZ)
        name           16 bytes at most, the last a zero
        task           address of its task_struct: the field of that name of 'inspect syscalls'

      EXAMPLES
        rrtool inspect linux.rr tasks --at 50%
        rrtool inspect linux.rr tasks --at before-bug --format csv
        rrtool inspect linux.rr tasks --at -1000 --symbols vmlinux
      """)

  @OptionGroup var recording: RecordingArgument

  @OptionGroup var linux: LinuxPlace

  func run() throws {
    try reporting {
      try linux.show(
        recording, "tasks", { (kernel) throws(LinuxGuestError) in try kernel.tasks() },
        report: { Report(tasks: $0) })
    }
  }
}
