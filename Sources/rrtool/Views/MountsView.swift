// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Inspection
import LinuxGuest

struct MountsView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mounts", abstract: "List what is mounted in a Linux guest at any position.",
    discussion: """
      It replays up to --at, from the last snapshot before, and reads the kernel's lists in the guest's memory: the guest does not help, and
      does not notice. The kernel itself says where they are (kallsyms) and how they are made (BTF); for one that does not, --symbols names
      its vmlinux, with debugging information.

      FIELDS
        mount, parent  the kernel's number of the mount, and of the one that it is mounted on
        source         what was mounted: a device, or any word
        path           where, from the root of the process that --pid names
        type           of the file system
        options        as in /proc/mounts, but for those of the file system's own

      EXAMPLES
        rrtool inspect linux.rr mounts --at 50%
        rrtool inspect linux.rr mounts --at before-bug --pid 1 --format csv
        rrtool inspect linux.rr mounts
      """)

  @OptionGroup var recording: RecordingArgument

  @Option(help: ArgumentHelp("As this process sees it (1).", valueName: "process"))
  var pid: UInt64 = 1

  @OptionGroup var linux: LinuxPlace

  func run() throws {
    try reporting {
      try linux.show(
        recording, "mounts", { (kernel) throws(LinuxGuestError) in try kernel.mounts(ofProcess: pid) },
        report: { Report(mounts: $0) })
    }
  }
}
