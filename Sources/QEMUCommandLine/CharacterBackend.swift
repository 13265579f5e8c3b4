// SPDX-License-Identifier: Apache-2.0

/// Where characters of a device, a monitor or a debugger come from and go to.
enum CharacterBackend: Equatable {
  case stdio
  /// With `signal=off`: Ctrl-C is a key like any other.
  case stdioWithoutSignals
  case null
  case file(String)
  case unix(path: String, isServer: Bool, waits: Bool)
  case tcp(host: String, port: String)
  /// A tab of QEMU's window.
  case window
  /// What `-chardev` gave this name.
  case named(String)
  case other(String)

  /// As `-serial`, `-monitor`, `-qmp` and `-gdb` write it.
  init(legacy text: String) {
    let text = text.hasPrefix("mon:") ? String(text.dropFirst(4)) : text
    func rest(_ prefix: String) -> String? {
      text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : nil
    }
    if text == "stdio" {
      self = .stdio
    } else if let rest = rest("stdio,"), var properties = try? Properties(rest, implied: "backend") {
      self = Self.terminal(&properties)
    } else if text == "null" || text == "none" {
      self = .null
    } else if text == "vc" || text.hasPrefix("vc:") {
      self = .window
    } else if let path = rest("file:"), !path.isEmpty {
      self = .file(path)
    } else if let name = rest("chardev:") {
      self = .named(name)
    } else if let place = rest("unix:"), var properties = try? Properties(place, implied: "path"),
      let path = properties.take("path")
    {
      self = Self.socket(path, &properties)
    } else if let place = rest("tcp:"),
      let address = place.split(separator: ",", omittingEmptySubsequences: false).first,
      let colon = address.lastIndex(of: ":")
    {
      self = .tcp(host: String(address[..<colon]), port: String(address[address.index(after: colon)...]))
    } else {
      self = .other(text)
    }
  }

  /// As `-chardev` writes it.
  init(_ properties: inout Properties) {
    let kind = properties.take("backend", "type") ?? ""
    switch kind {
    case "stdio": self = Self.terminal(&properties)
    case "null": self = .null
    case "vc": self = .window
    case "file": self = properties.take("path").map { .file($0) } ?? .other(kind)
    case "socket":
      if let path = properties.take("path") {
        self = Self.socket(path, &properties)
      } else {
        self = .tcp(host: properties.take("host") ?? "", port: properties.take("port") ?? "")
      }
    default: self = .other(kind)
    }
  }

  private static func terminal(_ properties: inout Properties) -> CharacterBackend {
    Properties.flag(properties.take("signal") ?? "on") == false ? .stdioWithoutSignals : .stdio
  }

  private static func socket(_ path: String, _ properties: inout Properties) -> CharacterBackend {
    let isServer = Properties.flag(properties.take("server") ?? "off") ?? false
    let waits = Properties.flag(properties.take("wait") ?? "on") ?? true
    return .unix(path: path, isServer: isServer, waits: isServer && waits)
  }
}

/// Serial port, monitors and debugger.
extension Translator {
  mutating func addCharacterDevice(_ value: String) throws(WordProblem) {
    var properties = try Properties(value, implied: "backend")
    guard let id = properties.take("id") else { throw WordProblem("has no id") }
    characterDevices[id] = CharacterBackend(&properties)
  }

  mutating func addMonitor(_ value: String, _ text: String) throws(WordProblem) {
    var properties = try Properties(value, implied: "chardev")
    guard let name = properties.take("chardev") else { throw WordProblem("names no chardev") }
    let isControl = properties.take("mode") == "control"
    if isControl { controls.append((text, .named(name))) } else { monitors.append((text, .named(name))) }
  }

  func resolved(_ backend: CharacterBackend) -> CharacterBackend {
    guard case .named(let name) = backend else { return backend }
    return characterDevices[name] ?? .other("chardev:\(name)")
  }

  /// What `--serial` is to say; nil for the terminal, where it is anyway.
  mutating func serialWords(virtioConsole: CharacterBackend?) -> [String] {
    for extra in serials.dropFirst() where resolved(extra.backend) != .null {
      note(extra.option, "the board has one serial port")
    }
    var place = serials.first ?? ("-serial", hasDefaults ? .stdio : .null)
    place.backend = resolved(place.backend)
    if let console = virtioConsole.map(resolved), console != .null {
      if place.backend == .null {
        // Both print to one place, and this is the one that is looked at.
        place = ("-device virtconsole", console)
      } else if console != place.backend {
        note("-device virtconsole", "prints where the serial port prints, and has what is typed there")
      }
    }
    switch place.backend {
    case .stdio: return []
    case .stdioWithoutSignals: return ["--serial", "stdio,signal=off"]
    case .window:
      note(place.option, "there is no window; the console is on the terminal")
      return []
    case .null: return ["--serial", "null"]
    case .file(let path): return ["--serial", "file:" + path]
    case .unix(let path, isServer: true, let waits):
      if waits { note(place.option, "the guest does not wait until somebody connects") }
      return ["--serial", "unix:" + path]
    default:
      miss(place.option, "the serial port is at stdio, null, file:FILE or unix:SOCKET,server=on")
      return []
    }
  }

  /// What `--qmp` is to say.
  mutating func controlWords() -> [String] {
    var words: [String] = []
    for control in controls {
      switch resolved(control.backend) {
      case .null: break
      case .unix(let path, isServer: true, let waits) where words.isEmpty:
        if waits {
          note(control.option, "the guest does not wait until somebody connects; -S has it wait for 'cont'")
        }
        words = ["--qmp", "unix:" + path]
      case .unix(_, isServer: true, _): note(control.option, "one socket is enough: it serves eight clients")
      default: miss(control.option, "a monitor is served at unix:SOCKET,server=on alone")
      }
    }
    for monitor in monitors {
      switch resolved(monitor.backend) {
      case .null, .window: break
      case .stdio where [.stdio, .stdioWithoutSignals].contains(resolved(serials.first?.backend ?? .stdio)):
        break  // Ctrl-A c
      case .unix(let path, isServer: true, _) where words.isEmpty:
        note(monitor.option, "the socket speaks QMP; 'rrtool monitor \(path)' takes the monitor's commands")
        words = ["--qmp", "unix:" + path]
      default: note(monitor.option, "'rrtool monitor' talks to a run with --qmp unix:SOCKET")
      }
    }
    return words
  }

  /// Who has the guest wait at its start: a debugger or a monitor.
  mutating func pauseWords() -> [String] {
    let pause = isPaused ? ["--paused"] : []
    guard let debugger else { return pause }
    if resolved(debugger.backend) == .stdio {
      refuse(
        debugger.option,
        "the console is on standard input and output; a debugger can come at tcp::PORT or unix:SOCKET")
      return pause
    }
    return debuggerWords() + pause
  }

  /// What `--gdb` is to say.
  mutating func debuggerWords() -> [String] {
    guard let debugger else { return isPaused ? ["--paused"] : [] }
    switch resolved(debugger.backend) {
    case .stdio, .stdioWithoutSignals: return ["--gdb", "stdio"]
    case .tcp(let host, let port) where ["", "localhost", "127.0.0.1", "::1", "[::1]"].contains(host):
      return ["--gdb", "tcp:" + port]
    case .unix(let path, _, _): return ["--gdb", "unix:" + path]
    default:
      refuse(debugger.option, "a debugger is served at tcp::PORT of this machine, unix:SOCKET or stdio")
      return []
    }
  }
}
