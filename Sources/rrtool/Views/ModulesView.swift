// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Inspection
import LinuxGuest

struct ModulesView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "modules", abstract: "List the modules of a Linux guest's kernel at any position.",
    discussion: """
      It replays up to --at, from the last snapshot before, and reads the kernel's list in the guest's memory: the guest does not help, and
      does not notice. The kernel itself says where it is (kallsyms) and how it is made (BTF); for one that does not, --symbols names
      its vmlinux, with debugging information. The latest module comes first.

      FIELDS
        name       of the module
        state      live, loading, unloading or unformed
        address    where its code begins
        byte_count memory that it has
        use_count  how often it is in use, by other modules and otherwise
        used_by    modules that use it

      EXAMPLES
        rrtool inspect linux.rr modules --at 50%
        rrtool inspect linux.rr modules --at before-bug --format csv
        rrtool inspect linux.rr modules
      """)

  @OptionGroup var recording: RecordingArgument

  @OptionGroup var linux: LinuxPlace

  func run() throws {
    try reporting {
      try linux.show(
        recording, "modules", { (kernel) throws(LinuxGuestError) in try kernel.modules() },
        report: { Report(modules: $0) })
    }
  }
}
