// SPDX-License-Identifier: Apache-2.0

/// Reads a command line of QEMU, option by option, and then says what all of them mean together.
public struct Translator {
  /// What the user says of the run beside QEMU's line.
  public struct Request: Sendable {
    /// nil: to run, or what `-icount rr=` says.
    public var verb: Translation.Verb?
    /// rrtool's own words, which count more than QEMU's.
    public var ownWords: [String] = []
    /// Goes on without devices that are not there.
    public var leavesOut = false
    /// The words begin with an option of QEMU, and the board is the one that rrtool has.
    public var impliesBoard = false

    public init(verb: Translation.Verb? = nil) { self.verb = verb }
  }

  let request: Request
  var notes: [String] = []
  var refusals: [String] = []
  /// What the guest would miss. A replay does not ask for it: the recording has the guest.
  private(set) var missing: [String] = []

  // MARK: What was said

  var hasMachine = false
  var memory: UInt64 = 128 << 20
  var hartCount: Int?
  var processor: String?
  /// Files by the name of rrtool's option for them.
  var files: [String: String] = [:]
  var kernelCommandLine: String?
  var treeTarget: String?
  var hasLegacyVirtio = true
  var hasSemihosting = false
  var powersOffAtReset = false
  var drives: [Drive] = []
  var nodes: [String: Properties] = [:]
  var devices: [(text: String, properties: Properties)] = []
  var flashNodes: [Int: String] = [:]
  var isSnapshot = false
  var characterDevices: [String: CharacterBackend] = [:]
  var serials: [(option: String, backend: CharacterBackend)] = []
  var monitors: [(option: String, backend: CharacterBackend)] = []
  var controls: [(option: String, backend: CharacterBackend)] = []
  var debugger: (option: String, backend: CharacterBackend)?
  var hasDefaults = true
  var isPaused = false
  var counting = Counting()
  var networks: [Network] = []
  var usedNetworks: Set<String> = []
  var cards: [Card] = []

  /// Whether an option of QEMU, with one dash or two, takes a word after it; nil of what is no such option.
  public static func takesValue(_ option: String) -> Bool? {
    OptionTable.all[String(option.dropFirst(option.hasPrefix("--") ? 2 : 1))]?.takesValue
  }

  /// The names of all options that are known.
  public static var options: Set<String> { Set(OptionTable.all.keys) }

  public static func translate(_ line: [String], _ request: Request) -> Translation {
    var translator = Translator(request: request)
    let shell = ShellLine(line)
    translator.notes += shell.notes
    translator.refusals += shell.refusals
    guard shell.refusals.isEmpty else { return translator.finish() }
    var words = shell.words[...]
    if let first = words.first, !first.hasPrefix("-") {
      words.removeFirst()
      let program = first.split(separator: "/").last.map(String.init) ?? first
      if program.hasPrefix("qemu-system-"), program != "qemu-system-riscv64" {
        translator.refuse(first, "rrtool runs guests of riscv64 alone")
      } else if !program.hasPrefix("qemu") {
        translator.refuse(first, "is not QEMU; the line begins with qemu-system-riscv64, or with its options")
      }
    }
    while let word = words.popFirst() {
      guard word.hasPrefix("-"), word.count > 1 else {
        guard translator.takePlain(word) else { break }
        continue
      }
      let name = String(word.dropFirst(word.hasPrefix("--") ? 2 : 1))
      guard let option = OptionTable.all[name] else {
        translator.refuse(word, "is no option of QEMU that rrtool knows")
        continue
      }
      guard !option.takesValue || !words.isEmpty else {
        translator.refuse(word, "what? The line ends there")
        break
      }
      translator.take(name, option, option.takesValue ? words.removeFirst() : "")
    }
    return translator.finish()
  }

  private init(request: Request) { self.request = request }

  /// False where the line ends there.
  private mutating func takePlain(_ word: String) -> Bool {
    guard let verdict = ShellLine.judge(word) else {
      addDisk(word, option: word)
      return true
    }
    if verdict.isRefused { refuse(word, verdict.text) } else { note("'\(word)'", verdict.text) }
    return !verdict.isRefused
  }

  private mutating func take(_ name: String, _ option: OptionTable.Option, _ value: String) {
    let text = option.takesValue ? "-\(name) \(value)" : "-\(name)"
    if let answer = OptionTable.answer(toHelpOn: name, value) { return refuse(text, answer) }
    switch option.treatment {
    case .translated:
      do throws(WordProblem) {
        try apply(name, value, text)
      } catch {
        refuse(text, error.text)
      }
    case .ignored: break
    case .noted(let reason): note(text, reason)
    case .missing(let reason): miss(text, reason)
    case .wrong(let reason): refuse(text, reason)
    }
  }

  private mutating func apply(_ name: String, _ value: String, _ text: String) throws(WordProblem) {
    switch name {
    case "M", "machine": try applyMachine(value, text)
    case "cpu": try applyProcessor(value, text)
    case "m": try applyMemory(value, text)
    case "smp": hartCount = try HartCount.parse(value)
    case "bios", "kernel", "initrd", "dtb": files[name] = value
    case "append": kernelCommandLine = value
    case "accel", "enable-kvm": applyAccelerator(value, text)
    case "drive": try addDrive(value, text)
    case "blockdev": try addNode(value)
    case "hda", "hdb", "hdc", "hdd": addDisk(value, option: text)
    case "cdrom": addDisk(value, option: text, readOnly: true)
    case "pflash": drives.append(Drive(option: text, interface: "pflash", file: value))
    case "device": devices.append((text, try Properties(value, implied: "driver")))
    case "global": try applyGlobal(value, text)
    case "snapshot": isSnapshot = true
    case "serial": serials.append((text, CharacterBackend(legacy: value)))
    case "monitor": monitors.append((text, CharacterBackend(legacy: value)))
    case "qmp", "qmp-pretty": controls.append((text, CharacterBackend(legacy: value)))
    case "chardev": try addCharacterDevice(value)
    case "mon": try addMonitor(value, text)
    case "nographic": break  // The console is on the terminal in any case.
    case "nodefaults": hasDefaults = false
    case "s": debugger = (text, CharacterBackend(legacy: "tcp::1234"))
    case "gdb": debugger = value == "none" ? nil : (text, CharacterBackend(legacy: value))
    case "S": isPaused = true
    case "icount": try counting.take(value)
    case "semihosting": hasSemihosting = true
    case "no-reboot": powersOffAtReset = true
    case "action": try applyActions(value, text)
    case "semihosting-config": try applySemihosting(value, text)
    case "rtc": try applyClock(value, text)
    case "net", "netdev", "nic": try applyNetwork(name, value, text)
    case "object": try applyObject(value, text)
    case "boot": note(text, "there is one thing to start")
    case "incoming":
      refuse(text, "what QEMU sends cannot be read; 'rrtool run --incoming' takes what rrtool sends")
    default: break
    }
  }

  // MARK: What is told

  mutating func note(_ option: String, _ reason: String) { notes.append("\(option): \(reason)") }
  mutating func refuse(_ option: String, _ reason: String) { refusals.append("\(option): \(reason)") }
  mutating func miss(_ option: String, _ reason: String) { missing.append("\(option): \(reason)") }

  // MARK: All together

  private mutating func finish() -> Translation {
    let verb = chooseVerb()
    var translation = Translation(verb: verb)
    if verb == .replay {
      translation.words = replayWords()
      missing = []
    } else {
      translation.words = guestWords(verb)
    }
    translation.words = OwnWords.without(request.ownWords, in: translation.words) + request.ownWords
    translation.notes = notes
    translation.refusals = refusals
    if request.leavesOut {
      translation.notes += missing.map { "left out: \($0)" }
    } else {
      translation.refusals += missing
      translation.lacksDevices = refusals.isEmpty && !missing.isEmpty
    }
    return translation
  }

  private mutating func chooseVerb() -> Translation.Verb {
    guard let said = counting.verb else { return request.verb ?? .run }
    if let asked = request.verb, asked != said {
      refuse(
        "-icount rr=\(said.rawValue)",
        "says \(said.rawValue), and you \(asked.rawValue); leave out one of the two")
    }
    return said
  }
}
