// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Emulator
import Execution
import HostSystem
import QEMUCommandLine
import RecordingStore

/// The options that say what to run.
struct GuestOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Guest memory: MiB, as QEMU's -m has it, or a number with B, K, M or G.", valueName: "size"))
  var memory = Self.usualMemory

  @Option(
    help: ArgumentHelp(
      "Number of harts, 1 to 8; cpus=2 and sockets=2,cores=2 are taken as well.", valueName: "n"))
  var smp = Self.usualHartCount

  @Option(
    help: ArgumentHelp(
      "What each hart is: rv64, rva22s64 (the profile) or max (every extension there is).", valueName: "model"
    ), completion: .list(ProcessorModel.allCases.map(\.rawValue)))
  var cpu = ProcessorModel.rv64.rawValue

  @Option(
    help: ArgumentHelp(
      "The interface of virtio devices: modern, or legacy as is QEMU's default.", valueName: "interface"),
    completion: .list(["modern", "legacy"]))
  var virtio = Self.usualVirtio

  @Option(
    help: ArgumentHelp(
      "Firmware or bare-metal program (ELF or flat) that starts in M mode; none: the kernel does; default: the built-in SBI.",
      valueName: "file"), completion: .file())
  var bios: String?

  @Option(
    help: ArgumentHelp(
      "Linux kernel (Image, EFI, ELF or flat). Without --bios it runs on the built-in SBI.", valueName: "file"
    ), completion: .file())
  var kernel: String?

  @Option(help: ArgumentHelp("Initial RAM disk for the kernel.", valueName: "file"), completion: .file())
  var initrd: String?

  @Option(help: ArgumentHelp("The kernel's command line.", valueName: "text"))
  var append: String?

  @Option(
    help: ArgumentHelp(
      "The guest's serial port: stdio, null, file:FILE or unix:SOCKET. stdio,signal=off gives the guest Ctrl-C too.",
      valueName: "where"), completion: Completions.serial)
  var serial = "stdio"

  @Option(
    help: ArgumentHelp(
      "A disk: file=F[,format=raw|qcow2][,overlay=F|none][,readonly=on][,copy-on-read=on]. Without format= what looks like qcow2 "
        + "is that, what looks like another program's format is refused, and all else is raw. The file itself is never changed, but "
        + "for overlay=none; with copy-on-read the recording needs it no more. May be given up to 7 times.",
      valueName: "drive"), completion: Completions.drive)
  var drive: [String] = []

  @Option(
    help: ArgumentHelp(
      "What flash holds: FILE[,readonly=on], at most twice, for the first and the second bank of 32 MiB. The first one is "
        + "started as QEMU starts it: behind the SBI. The files themselves are never changed.",
      valueName: "file"), completion: .file())
  var pflash: [String] = []

  @Flag(
    help: ArgumentHelp(
      "Give the guest a virtio console (hvc0 on Linux) beside the serial port. Both print to the same console, and what is typed "
        + "goes to this one once the guest's driver has taken it."))
  var virtioConsole = false

  @OptionGroup var network: NetworkCardOptions

  @Flag(
    help: ArgumentHelp(
      "Serve the guest's semihosting calls: console, time, exit. Files of the host cannot be opened. Without it they are "
        + "breakpoints."))
  var semihosting = false

  @Flag(
    help:
      "A reset, the guest's own or the monitor's, ends the run with status 0 instead of starting the guest again."
  )
  var noReboot = false

  @OptionGroup var start: StartOptions

  @OptionGroup var engineOption: EngineOption

  @Option(
    help: ArgumentHelp(
      "Stop after so many instructions (10_000_000, 10M, 2G); the exit status of run is then 124, and of record 0.",
      valueName: "n"))
  var maxInstructions: String?

  @Option(
    help: ArgumentHelp(
      "shift=N (guest nanoseconds an instruction: 2^N, 0 to 10), sleep=on|off (whether idle time passes or is skipped)"
        + ", and for record rrfile=FILE (the log) and rrsnapshot=NAME (the snapshot of the start).",
      valueName: "options"))
  var icount: String?

  private static let usualMemory = "512M"
  private static let usualHartCount = "1"
  private static let usualVirtio = "modern"

  /// Whether the user said nothing about what to run, and on what board: the guest that is built in has its own.
  private var isDemonstration: Bool {
    bios == nil && kernel == nil && initrd == nil && append == nil && drive.isEmpty && pflash.isEmpty
      && memory == Self.usualMemory && smp == Self.usualHartCount && virtio == Self.usualVirtio
      && !virtioConsole && !semihosting && !noReboot && network.isEmpty
  }

  func timing() throws(Failure) -> InstructionCounting {
    try icount.map { (text) throws(Failure) in try InstructionCounting(parsing: text) }
      ?? InstructionCounting()
  }

  /// Reads everything that is needed to start. In lockstep both engines execute it.
  func guest(inLockstep: Bool = false) throws(Failure) -> Guest {
    let engine = inLockstep ? .automatic : try engineOption.parsed()
    let timing = try timing()
    let processor = try processor()
    if isDemonstration {
      var guest = Demonstration.guest(shift: timing.shift, sleeps: timing.sleeps)
      guest.engine = engine
      guest.processor = processor
      try start.apply(to: &guest)
      return guest
    }
    if bios == "none", kernel == nil, pflash.isEmpty {
      throw Failure(
        .usage, "--bios none", "leaves nothing to start",
        remedy: "give --kernel or --pflash, which starts in M mode then"
      )
    }
    // What QEMU calls its firmware by default.
    let bios = bios == "default" ? nil : bios
    let hasNothing = bios == nil && kernel == nil && pflash.isEmpty
    guard !hasNothing || start.dumpDtb != nil else {
      throw Failure(
        .usage, "guest", "nothing to boot is given",
        remedy: "give --kernel, --bios or --pflash, or no guest option at all")
    }
    if kernel == nil, initrd != nil {
      throw Failure(.usage, "--initrd", "there is no kernel to load it", remedy: "give --kernel too")
    }
    var guest = Guest(
      name: HostFiles.lastName(of: kernel ?? bios ?? pflash.first ?? ""),
      memorySize: try Size.parseMemory(memory),
      hartCount: try hartCount(), shift: timing.shift, sleeps: timing.sleeps, commandLine: append ?? "")
    guest.engine = engine
    guest.processor = processor
    guard let interface = MachineConfiguration.Virtio(rawValue: virtio) else {
      throw Failure(
        .usage, "--virtio \(virtio)", "is no interface of virtio devices", remedy: "give modern or legacy")
    }
    guest.virtio = interface
    guest.hasVirtioConsole = virtioConsole
    guest.networks = try network.parsed()
    guest.powersOffAtReset = noReboot
    if semihosting {
      // As QEMU does, which splits at spaces and joins again.
      let words = (append ?? "").split(separator: " ").map(String.init)
      guest.semihosting = ([kernel ?? bios ?? ""] + words).joined(separator: " ")
    }
    if bios == "none" {
      guest.images.startsInMachineMode = true
    } else if let bios {
      try guest.load(.bios, from: bios)
    }
    // A tree is written of a board with nothing to start as well: the instruction is never executed.
    if hasNothing { guest.use(.bios, [0x6f, 0, 0, 0], from: "") }
    if let kernel { try guest.load(.kernel, from: kernel) }
    if let initrd { try guest.load(.initrd, from: initrd) }
    for text in pflash { try guest.loadFlash(FlashOptions(parsing: text)) }
    try start.apply(to: &guest)
    for text in drive { guest.drives.append(try DriveOptions(parsing: text)) }
    return guest
  }

  /// What is read to start, and what is written beside the recording.
  func add(to files: inout FilePlaces) {
    if bios != "none", bios != "default" { files.read(bios, "--bios ") }
    files.read(kernel, "--kernel ")
    files.read(initrd, "--initrd ")
    files.read(start.dtb, "--dtb ")
    for text in pflash { files.read((try? FlashOptions(parsing: text))?.path, "--pflash ") }
    for text in drive {
      // What is wrong with it is told when it is opened.
      guard let options = try? DriveOptions(parsing: text) else { continue }
      for file in options.filesNeeded { files.read(file, "--drive ") }
      if case .file(let overlay) = options.overlay { files.write(overlay, "--drive overlay=") }
    }
    files.write(start.dumpDtb, "--dump-dtb ")
    files.write(SerialPorts.file(serial), "--serial file:")
    if let log = (try? timing())?.logPath { files.write(whole: log, "--icount rrfile=") }
  }

  private func hartCount() throws(Failure) -> Int {
    do throws(WordProblem) {
      return try HartCount.parse(smp)
    } catch {
      throw Failure(.usage, "--smp \(smp)", error.text, remedy: "give a number of harts, 1 to 8")
    }
  }

  private func processor() throws(Failure) -> ProcessorModel {
    guard let known = ProcessorModel(rawValue: cpu) else {
      throw Failure(
        .usage, "--cpu \(cpu)", "there is no such processor",
        remedy: "give one of \(ProcessorModel.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return known
  }

  func limit() throws(Failure) -> UInt64? {
    guard let maxInstructions else { return nil }
    guard let count = PositionExpression.count(maxInstructions[...]) else {
      throw Failure(
        .usage, "--max-instructions \(maxInstructions)", "is not a number of instructions",
        remedy: "give one such as 10_000_000 or 10M")
    }
    return count
  }
}
