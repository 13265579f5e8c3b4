import ArgumentParser
import Emulator
import RecordReplay

/// The options that say what to run.
struct GuestOptions: ParsableArguments {
  @Option(help: "Guest memory: bytes, or a number with K, M or G.")
  var memory = "512M"

  @Option(help: "Number of harts, 1 to 8.")
  var smp = 1

  @Option(
    help: ArgumentHelp(
      "Firmware or bare-metal program (ELF or flat) that starts in M mode.", valueName: "file"))
  var bios: String?

  @Option(
    help: ArgumentHelp(
      "Linux kernel (Image, EFI or ELF). Without --bios it runs on the built-in SBI.", valueName: "file"))
  var kernel: String?

  @Option(help: ArgumentHelp("Initial RAM disk for the kernel.", valueName: "file"))
  var initrd: String?

  @Option(help: ArgumentHelp("The kernel's command line.", valueName: "text"))
  var append: String?

  @Option(
    help: ArgumentHelp("The guest's serial port: stdio, null, file:FILE or unix:SOCKET.", valueName: "where"))
  var serial = "stdio"

  @Option(
    help: ArgumentHelp(
      "A disk: file=F[,format=raw|qcow2][,overlay=F|none][,readonly=on]. The file itself is never changed, but for "
        + "overlay=none. May be given up to 7 times.", valueName: "drive"))
  var drive: [String] = []

  @OptionGroup var engineOption: EngineOption

  @Option(
    help: ArgumentHelp(
      "Stop after so many instructions; the exit status is then 0, with a note on standard error.",
      valueName: "n"))
  var maxInstructions: String?

  @Option(
    help: ArgumentHelp(
      "shift=N (guest nanoseconds an instruction: 2^N, 0 to 10), sleep=on|off (whether idle time passes or is skipped)"
        + ", and for record rrfile=FILE (the log) and rrsnapshot=NAME (the snapshot of the start).",
      valueName: "options"))
  var icount: String?

  /// Whether the user said nothing about what to run.
  private var isDemonstration: Bool {
    bios == nil && kernel == nil && initrd == nil && append == nil && drive.isEmpty
  }

  func timing() throws(Failure) -> InstructionCounting {
    try icount.map { (text) throws(Failure) in try InstructionCounting(parsing: text) }
      ?? InstructionCounting()
  }

  /// Reads everything that is needed to start. In lockstep both engines execute it.
  func guest(inLockstep: Bool = false) throws(Failure) -> Guest {
    let engine = inLockstep ? .automatic : try engineOption.parsed()
    let timing = try timing()
    if isDemonstration {
      var guest = Demonstration.guest(timing)
      guest.engine = engine
      return guest
    }
    guard bios != nil || kernel != nil else {
      throw Failure(
        .usage, "guest", "nothing to boot is given",
        remedy: "give --kernel or --bios, or no guest option at all")
    }
    if kernel == nil, initrd != nil {
      throw Failure(.usage, "--initrd", "there is no kernel to load it", remedy: "give --kernel too")
    }
    var guest = Guest(
      name: HostFiles.lastName(of: kernel ?? bios ?? ""),
      memorySize: try Size.parse(memory, option: "--memory"),
      hartCount: smp, shift: timing.shift, sleeps: timing.sleeps, commandLine: append ?? "")
    guest.engine = engine
    if let bios { try guest.load(.bios, from: bios) }
    if let kernel { try guest.load(.kernel, from: kernel) }
    if let initrd { try guest.load(.initrd, from: initrd) }
    for text in drive { guest.drives.append(try DriveOptions(parsing: text)) }
    return guest
  }

  func limit() throws(Failure) -> UInt64? {
    guard let maxInstructions else { return nil }
    guard case .absolute(let count)? = PositionExpression(maxInstructions) else {
      throw Failure(
        .usage, "--max-instructions \(maxInstructions)", "is not a number of instructions",
        remedy: "give one such as 10_000_000")
    }
    return count
  }
}

/// What executes instructions. It changes the speed and nothing else, so a replay may use another one.
struct EngineOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What executes instructions: \(Machine.Engine.allCases.map(\.rawValue).joined(separator: ", ")); with run also lockstep: "
        + "both at once, compared.", valueName: "engine"))
  var engine = Machine.Engine.automatic.rawValue

  /// Both engines are to run at once.
  var isLockstep: Bool { engine == "lockstep" }

  func parsed() throws(Failure) -> Machine.Engine {
    guard !isLockstep else {
      throw Failure(
        .usage, "--engine lockstep", "compares the engines and is for 'rrtool run' alone",
        remedy: "give one of \(Machine.Engine.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    guard let known = Machine.Engine(rawValue: engine) else {
      throw Failure(
        .usage, "--engine \(engine)", "there is no such engine",
        remedy: "give one of \(Machine.Engine.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return known
  }
}

/// What `--icount` says.
struct InstructionCounting {
  var shift = 3
  var sleeps = true
  var logPath: String?
  var snapshotName: String?

  init() {}

  init(parsing text: String) throws(Failure) {
    for (key, value) in try OptionList.parse(text, option: "--icount") {
      func refuse(_ allowed: String) -> Failure {
        Failure(.usage, "--icount \(key)=\(value)", "is not possible", remedy: "give \(allowed)")
      }
      switch key {
      case "shift":
        guard let number = Int(value), (0...10).contains(number) else { throw refuse("shift=0 to shift=10") }
        shift = number
      case "sleep":
        guard value == "on" || value == "off" else { throw refuse("sleep=on or sleep=off") }
        sleeps = value == "on"
      case "rrfile": logPath = value
      case "rrsnapshot": snapshotName = value
      default: throw refuse("shift, sleep, rrfile or rrsnapshot; record and replay are rrtool's commands")
      }
    }
  }
}

/// Sizes as users write them.
enum Size {
  static func parse(_ text: String, option: String) throws(Failure) -> UInt64 {
    let units: [Character: UInt64] = ["K": 10, "M": 20, "G": 30]
    var digits = text[...]
    var shift: UInt64 = 0
    if let last = text.last, let unit = units[Character(last.uppercased())] {
      digits = text.dropLast()
      shift = unit
    }
    guard let number = UInt64(digits), number <= UInt64.max >> shift, !digits.hasPrefix("+") else {
      throw Failure(.usage, "\(option) \(text)", "is not a size", remedy: "give one such as 512M or 2G")
    }
    return number << shift
  }

  /// For people: "12.3 MiB".
  static func describe(_ bytes: UInt64) -> String {
    if bytes < 1024 { return "\(bytes) B" }
    var value = Double(bytes)
    var unit = ""
    for name in ["KiB", "MiB", "GiB", "TiB"] where value >= 1024 {
      value /= 1024
      unit = name
    }
    return "\(Double(Int(value * 10)) / 10) \(unit)"
  }
}
