// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import Inspection
import Tracing

struct DeviceAccessesView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mmio", abstract: "List the reads and writes of devices' registers.",
    discussion: """
      It replays from --from to --to. Devices are called as 'info mtree' of the monitor calls them: uart, plic, clint, rtc,
      virtio-blk-0. RAM is none, and neither is flash while it reads as memory.

      FIELDS
        position, time_ns  the instruction
        hart               whose
        device, offset     which device, and which of its registers
        access             read or write
        byte_count, value  how many bytes, and what they were
        address            physical
        pc, symbol         where the instruction is, and what --symbols calls it
        mode               user, supervisor or machine
        file, line         the source line of the instruction; a table has it behind the symbol
        inlined            functions whose bodies were put in there, the innermost first

      EXAMPLES
        rrtool inspect linux.rr mmio --limit 20
        rrtool inspect linux.rr mmio --device plic --from 50% --symbols vmlinux
        rrtool inspect linux.rr mmio --device uart --to 20% --format csv
      """)

  @OptionGroup var recording: RecordingArgument

  @Option(help: ArgumentHelp("Show accesses to this device only.", valueName: "name"))
  var device: String?

  @OptionGroup var trace: TraceOptions

  func run() throws {
    try reporting {
      try trace.show(
        recording, as: "mmio", title: "Accesses to devices", columns: DeviceAccessRow.columns,
        { replay in
          let devices = replay.timeline.deviceNames
          if let device, !devices.contains(device) {
            throw Failure(
              .usage, "--device \(device.printable)", "is no device of this machine",
              remedy: Spelling.question(about: device, among: devices)
                + "give one of \(devices.joined(separator: ", "))")
          }
          return DeviceAccessReader(device: device)
        }, hart: { $0.hart }, row: { DeviceAccessRow($0, placing: $1.place(of:)).values })
    }
  }
}
