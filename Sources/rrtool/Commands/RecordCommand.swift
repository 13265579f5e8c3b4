// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Execution
import HostSystem
import RecordingStore

struct RecordCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record", abstract: "Run a guest and record all that enters it.",
    discussion: """
      The guest's console is on standard output. Ctrl-C ends the recording cleanly, and so does Ctrl-A x; Ctrl-A h shows
      what else Ctrl-A does.

      Options of QEMU (-M virt -kernel Image ...) are taken as well: see 'rrtool help qemu'.

      EXAMPLES
        rrtool record
        rrtool record --bios program.elf -o program.rr
        rrtool record --kernel vmlinuz --initrd initrd.gz --append console=ttyS0 --drive file=disk.qcow2 --smp 2
        rrtool record --kernel Image --drive file=disk.qcow2,overlay=none --icount rrsnapshot=clean
      """)

  @OptionGroup var options: GuestOptions

  @OptionGroup var monitor: MonitorOptions

  @Option(
    name: [.customShort("o"), .long], help: ArgumentHelp("The recording to make.", valueName: "name.rr"))
  var output: String?

  @Flag(help: "Replace the recording that stands there.")
  var force = false

  @OptionGroup var snapshotOptions: SnapshotOptions

  func run() throws {
    try reporting {
      let guest = try options.guest()
      if try options.start.dump(of: guest) { return }
      let policy = try snapshotOptions.policy()
      let limit = try options.limit()
      let timing = try options.timing()
      let folder = TraceFolder()
      let target: String
      if let output {
        try Recording.checkIsName(output)
        target = output
      } else {
        try HostFiles.makeFolders(folder.path)
        target = folder.unusedPath(guest: guest.name)
      }
      let result = try LiveSession.run(at: SerialPorts.open(options.serial), monitor: monitor) {
        (inbox, console, control) in
        let recorder = try Recorder(
          guest,
          Recorder.Options(
            output: target, force: force, logPath: timing.logPath, snapshotName: timing.snapshotName,
            snapshots: policy),
          inbox: inbox, console: console, control: control)
        for remark in recorder.remarks { say(remark) }
        do {
          try folder.setLatest(target)
        } catch {
          // The recording itself goes on.
          say("the recording will not be the latest one: \(error)")
        }
        return try recorder.run(limit: limit, tell: say)
      }
      if result.failure == nil { say("recorded \(target): \(result.ending.summary)") }
      try result.leave()
    }
  }
}
