// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import CoreDump
import Emulator

/// What `info` can show.
struct InfoSubject: Sendable {
  var name: String
  var usage: String
  var summary: String
  /// The flag: `-a` or `-f` was given; each subject has one meaning for a flag.
  var body: @Sendable (HumanMonitor, Bool) throws(MonitorError) -> String

  init(
    _ name: String, usage: String? = nil, _ summary: String,
    _ body: @escaping @Sendable (HumanMonitor, Bool) throws(MonitorError) -> String
  ) {
    self.name = name
    self.usage = usage ?? name
    self.summary = summary
    self.body = body
  }

  static let all: [InfoSubject] = (general + machine + jobs + migration).sorted { $0.name < $1.name }

  private static let general: [InfoSubject] = [
    InfoSubject("version", "the version of rrtool") { _, _ in ToolIdentity.package + "\n" },
    InfoSubject("status", "whether the guest runs") { monitor, _ in
      let state = monitor.target.control.state
      return "VM status: \(state.isRunning ? "running" : "paused")"
        + (state == .running || state == .paused ? "" : " (\(state.rawValue))") + "\n"
    },
    InfoSubject("name", "what runs") { (monitor, _) throws(MonitorError) in
      try monitor.target.facts().name.printable + "\n"
    },
    InfoSubject("replay", "where the run stands, and what of it is recorded or replayed") {
      (monitor, _) throws(MonitorError) in
      let status = try monitor.target.replayStatus()
      let place =
        "instruction count = \(status.position.grouped), guest time = \(status.time.seconds(digits: 6)) s\n"
      guard let path = status.path else { return "Record/replay is not active: \(place)" }
      var text =
        (status.mode == "record" ? "Recording" : "Replaying") + " execution '\(path.printable)': \(place)"
      if let end = status.end { text += "The recording ends at \(end.grouped)\n" }
      if let stop = status.breakPosition { text += "The replay will stop at \(stop.grouped)\n" }
      return text
    },
    InfoSubject("snapshots", "the snapshots of the recording") { (monitor, _) throws(MonitorError) in
      let snapshots = try monitor.target.listSnapshots()
      guard !snapshots.isEmpty else { return "There is no snapshot available.\n" }
      let rows = snapshots.map { snapshot in
        [
          snapshot.name.printable, snapshot.moment.position.grouped,
          snapshot.moment.time.seconds(digits: 6) + " s",
          snapshot.isComplete ? "" : "a drive lacks it",
        ]
      }
      return table(["TAG", "ICOUNT", "VM CLOCK", ""], rows)
    },
    InfoSubject("block", "the drives") { (monitor, _) throws(MonitorError) in
      let drives = try monitor.target.facts().drives
      return drives.enumerated().map { number, drive in
        let file = (drive.overlay ?? drive.image ?? "blank").printable
        let kind = drive.format + (drive.isReadOnly ? ", read-only" : "")
        var text = "drive\(number): \(file) (\(kind)), \(drive.byteCount.grouped) bytes\n"
        if drive.overlay != nil, let image = drive.image { text += "    over: \(image.printable)\n" }
        return text
      }.joined()
    },
    InfoSubject("network", "the network cards, and what they are on") { (monitor, _) throws(MonitorError) in
      try monitor.target.perform { run in
        let wires = run.wires
        return run.machine.networkCardStates.enumerated().map { number, card in
          let backend = wires.indices.contains(number) ? wires[number] : ["recorded: nothing is connected"]
          return "net\(number): virtio-net \(card.address), link \(card.isLinkUp ? "up" : "down")\n"
            + backend.map { "    \($0.printable)\n" }.joined()
        }.joined()
      }
    },
    InfoSubject("jobs", "jobs that were started with QMP") { monitor, _ in
      monitor.target.jobs.all.map { job in
        let problem = job.problem.map { ": \($0)" } ?? ""
        return "Type \(job.kind), job \(job.id): \(job.status.rawValue)\(problem)\n"
      }.joined()
    },
  ]

  private static let machine: [InfoSubject] = [
    InfoSubject("cpus", "the harts") { (monitor, _) throws(MonitorError) in
      let chosen = monitor.hart
      return try monitor.target.perform { run in
        let machine = run.machine
        return (0..<machine.configuration.hartCount).map { hart in
          let counter = "0x" + machine.programCounter(hart: hart).padded(radix: 16, digits: 16)
          let mode = ["user", "supervisor", "", "machine"][Int(machine.privilege(hart: hart) & 3)]
          let state =
            !machine.isHartStarted(hart)
            ? " (stopped)" : machine.isWaiting(hart: hart) ? " (waits for an interrupt)" : ""
          return "\(hart == chosen ? "*" : " ") hart \(hart): pc \(counter), \(mode) mode\(state)\n"
        }.joined()
      }
    },
    InfoSubject("registers", usage: "registers [-a]", "the registers of the chosen hart; -a: of all harts") {
      (monitor, isAll) throws(MonitorError) in
      let chosen = monitor.hart
      return try monitor.target.perform { run in
        let harts = isAll ? Array(0..<run.machine.configuration.hartCount) : [chosen]
        return harts.map { registers(of: run.machine, hart: $0) }.joined(separator: "\n")
      }
    },
    InfoSubject("mem", "what virtual addresses stand for, from the page tables of the chosen hart") {
      (monitor, _) throws(MonitorError) in
      let hart = monitor.hart
      return try monitor.target.perform { run in mappings(of: run.machine, hart: hart) }
    },
    InfoSubject(
      "mtree", usage: "mtree [-f]",
      "what stands at which physical address; -f: in the form of QEMU's flat view, which drgn reads"
    ) { (monitor, isFlat) throws(MonitorError) in
      try monitor.target.perform { run in
        let lines = run.machine.addressMap.map { entry in
          let first = entry.base.padded(radix: 16, digits: 16)
          let last = (entry.base + entry.size - 1).padded(radix: 16, digits: 16)
          guard isFlat else { return "\(first)-\(last): \(entry.name)\n" }
          let kind = entry.base == run.machine.memory.base ? "ram" : "i/o"
          return "  \(first)-\(last) (prio 0, \(kind)): \(entry.name)\n"
        }.joined()
        let head = "FlatView #0\n AS \"memory\", root: system\n Root memory region: system\n"
        return isFlat ? head + lines + "\n" : lines
      }
    },
  ]

  /// The columns of QEMU: an entry's bits are those of the manual, A and D last.
  private static func mappings(of machine: Machine, hart: Int) -> String {
    guard let satp = machine.register(named: "satp", hart: hart), satp >> 60 != 0 else {
      return "No translation or protection\n"
    }
    let walk = PageTableWalk(
      satp: [satp], tableLimit: machine.memory.pageCount, attributeBits: 0xfe
    ) { machine.readMemory(physical: $0, count: GuestMemory.pageSize) }
    var text = "vaddr            paddr            size             attr\n"
    text += "---------------- ---------------- ---------------- -------\n"
    for mapping in walk.mappings {
      let numbers = [mapping.virtualAddress, mapping.physicalAddress, mapping.size]
      let attributes = zip("rwxugad", 1...).map { letter, bit in
        mapping.attributes >> UInt64(bit) & 1 != 0 ? letter : "-"
      }
      text += numbers.map { $0.padded(radix: 16, digits: 16) }.joined(separator: " ")
      text += " \(String(attributes))\n"
    }
    if walk.isCutOff { text += "there are more\n" }
    return text
  }

  private static func registers(of machine: Machine, hart: Int) -> String {
    var text = "hart \(hart)\n"
    func add(_ registers: [(name: String, value: UInt64)]) {
      for start in stride(from: 0, to: registers.count, by: 4) {
        text += registers[start..<min(start + 4, registers.count)].map { register in
          let name = register.name + String(repeating: " ", count: max(0, 14 - register.name.count))
          return " " + name + register.value.padded(radix: 16, digits: 16)
        }.joined()
        text += "\n"
      }
    }
    add([("pc", machine.programCounter(hart: hart)), ("mode", machine.privilege(hart: hart))])
    add(
      machine.controlAndStatusRegisters.map { csr in
        (csr.name, machine.controlAndStatusRegister(csr.number, hart: hart) ?? 0)
      })
    add((0..<32).map { ("x\($0)/\(Disassembler.integerNames[$0])", machine.register($0, hart: hart)) })
    add(
      (0..<32).map {
        ("f\($0)/\(Disassembler.floatingPointNames[$0])", machine.floatingPointRegister($0, hart: hart))
      })
    return text
  }
}

/// Rows under their titles, in columns.
func table(_ titles: [String], _ rows: [[String]]) -> String {
  let widths = titles.indices.map { column in
    ([titles] + rows).map { $0[column].count }.max() ?? 0
  }
  return ([titles] + rows).map { row in
    zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
      .trimmingTrailingSpace + "\n"
  }.joined()
}
