import RecordReplay

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What the guest's serial port is connected to on the host.
protocol SerialPort {
  var output: any ConsoleOutput { get }
  /// Starts to bring input.
  func start(_ inbox: Inbox)
  /// Gives back what was taken.
  func finish()
}

enum SerialPorts {
  /// Opens what `--serial` names.
  static func open(_ text: String) throws(Failure) -> any SerialPort {
    switch text {
    case "stdio": return StandardSerialPort()
    case "null": return NullSerialPort()
    default:
      if text.hasPrefix("file:"), text.count > 5 {
        return try FileSerialPort(path: String(text.dropFirst(5)))
      }
      if text.hasPrefix("unix:"), text.count > 5 {
        return try SocketSerialPort(path: String(text.dropFirst(5)))
      }
      throw Failure(
        .usage, "--serial \(text)", "is not a serial port",
        remedy: "give stdio, null, file:FILE or unix:SOCKET")
    }
  }
}

struct NullSerialPort: SerialPort {
  let output: any ConsoleOutput = NullConsoleOutput()
  func start(_ inbox: Inbox) {}
  func finish() {}
}

/// Standard input and output; a terminal is taken over.
final class StandardSerialPort: SerialPort {
  let output: any ConsoleOutput = DescriptorConsoleOutput(descriptor: 1)
  private var terminal: Terminal?

  func start(_ inbox: Inbox) {
    terminal = Terminal(takingOver: 0)
    let hasEscapes = terminal != nil
    inbox.readInput(from: 0) { [keys = EscapeKeysBox()] bytes in
      guard hasEscapes else { return bytes }
      let (input, commands) = keys.filter(bytes)
      for command in commands {
        switch command {
        case .help: writeError(EscapeKeys.help)
        case .exit: inbox.requestStop()
        }
      }
      return input
    }
  }

  func finish() { terminal?.giveBack() }
}

/// The escape keys' state, which the thread that reads input alone touches.
private final class EscapeKeysBox: @unchecked Sendable {
  // Sendable: handed to one reading thread, which is its only user.
  private var keys = EscapeKeys()
  func filter(_ bytes: [UInt8]) -> (input: [UInt8], commands: [EscapeKeys.Command]) { keys.filter(bytes) }
}

/// A file that takes the output; there is no input.
final class FileSerialPort: SerialPort {
  let output: any ConsoleOutput
  private let descriptor: Int32

  init(path: String) throws(Failure) {
    // What stands there is not overwritten, but a device or pipe is there to be written.
    let isSpecial = HostFiles.kind(of: path).map { $0 == .other } ?? false
    let flags = isSpecial ? O_WRONLY : O_WRONLY | O_CREAT | O_EXCL
    descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      let problem = errno
      throw Failure(
        problem == EEXIST ? .exists : .file, path, "cannot create it: \(String(cString: strerror(problem)))",
        remedy: problem == EEXIST
          ? "remove it or name another file" : "check the name and the folder's permissions")
    }
    output = DescriptorConsoleOutput(descriptor: descriptor)
  }

  func start(_ inbox: Inbox) {}
  func finish() { close(descriptor) }
}

/// A socket at which one client at a time sees the output and gives the input.
final class SocketSerialPort: SerialPort {
  let output: any ConsoleOutput
  private let path: String
  private let server: SocketServer

  init(path: String) throws(Failure) {
    self.path = path
    server = try SocketServer(path: path)
    output = server
  }

  func start(_ inbox: Inbox) { server.start(inbox) }
  func finish() { unlink(path) }
}
