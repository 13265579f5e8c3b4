// SPDX-License-Identifier: Apache-2.0

import Execution
import Glibc
import HostSystem
import Monitor

/// What the guest's serial port is connected to on the host.
protocol SerialPort {
  var output: any ConsoleOutput { get }
  /// Starts to bring input. `monitor` is what a console that can also be a monitor's leads to.
  func start(_ inbox: Inbox, monitor: MonitorTarget?)
  /// Gives back what was taken.
  func finish()
}

enum SerialPorts {
  private static let filePrefix = "file:"

  /// The file that `--serial` names, if it does.
  static func file(_ text: String) -> String? {
    text.hasPrefix(filePrefix) && text.count > filePrefix.count
      ? String(text.dropFirst(filePrefix.count)) : nil
  }

  /// Opens what `--serial` names.
  ///
  /// - Parameters:
  ///   - console: the descriptor that stdio's output goes to.
  ///   - input: standard input, where several runs come one after the other.
  static func open(
    _ text: String, console: Int32 = 1, input: SharedInput? = nil
  ) throws(Failure) -> any SerialPort {
    switch text {
    case "stdio", "stdio,signal=on", "stdio,signal=off":
      return StandardSerialPort(
        keepsInterrupts: text != "stdio,signal=off", console: console, input: input)
    case "null": return NullSerialPort()
    default:
      if let path = file(text) { return try FileSerialPort(path: path) }
      if text.hasPrefix("unix:"), text.count > 5 {
        return try SocketSerialPort(path: String(text.dropFirst(5)))
      }
      throw Failure(
        .usage, "--serial \(text)", "is not a serial port",
        remedy: "give stdio, stdio,signal=off, null, file:FILE or unix:SOCKET")
    }
  }
}

struct NullSerialPort: SerialPort {
  let output: any ConsoleOutput = NullConsoleOutput()
  func start(_ inbox: Inbox, monitor: MonitorTarget?) {}
  func finish() {}
}

/// Standard input and output; a terminal is taken over.
final class StandardSerialPort: SerialPort {
  var output: any ConsoleOutput { descriptor }
  private let descriptor: DescriptorConsoleOutput
  private let console: Int32
  private let name: String
  private let isOnTerminal: Bool
  private let isReplayed: Bool
  private let keepsInterrupts: Bool
  private let shared: SharedInput?
  /// The run's that `shared` serves.
  private var inbox: Inbox?
  private var terminal: Terminal?

  /// - Parameters:
  ///   - isReplayed: the guest's input comes from a recording: a terminal's keys are for rrtool alone.
  ///   - keepsInterrupts: Ctrl-C ends the run; else it is the guest's, as any key.
  init(
    isReplayed: Bool = false, keepsInterrupts: Bool = true, console: Int32 = 1, input: SharedInput? = nil
  ) {
    self.isReplayed = isReplayed
    self.keepsInterrupts = keepsInterrupts
    shared = input
    self.console = console
    descriptor = DescriptorConsoleOutput(descriptor: console)
    isOnTerminal = Terminal.isTerminal(console)
    name = console == 1 ? "standard output" : "standard error"
  }

  func start(_ inbox: Inbox, monitor: MonitorTarget?) {
    guard let terminal = Terminal(takingOver: 0) else {
      if !isReplayed { read(inbox) { $0 } }
      return
    }
    self.terminal = terminal
    say(
      keepsInterrupts
        ? "Ctrl-C ends the run, Ctrl-A h tells the other keys"
        : "Ctrl-A x ends the run, Ctrl-A h tells the other keys; Ctrl-C is the guest's")
    let keyboard = Keyboard(inbox, monitor, on: terminal, keepsInterrupts: keepsInterrupts)
    read(inbox) { [isReplayed] bytes in
      let input = keyboard.take(bytes)
      return isReplayed ? [] : input
    }
  }

  private func read(_ inbox: Inbox, _ filter: @escaping @Sendable ([UInt8]) -> [UInt8]) {
    guard let shared else { return inbox.readInput(from: 0, filter: filter) }
    self.inbox = inbox
    shared.serve(inbox, filter: filter)
  }

  func finish() {
    terminal?.giveBack()
    // What is told of the end stands on a line of its own, and so does a shell's prompt.
    if descriptor.isWithinLine {
      if isOnTerminal { descriptor.write([0x0d, 0x0a]) } else { UnfinishedLine.leave(at: console) }
    }
    shared?.release()
    // Nothing waits for room in it any more.
    inbox?.requestStop()
    if let problem = descriptor.problem { StandardOutput.note(problem: problem, of: name) }
  }
}

/// A file that takes the output; there is no input. What stood in it goes, as QEMU has it.
final class FileSerialPort: SerialPort {
  var output: any ConsoleOutput { console }
  private let path: String
  private let descriptor: Int32
  private let console: DescriptorConsoleOutput

  init(path: String) throws(Failure) {
    self.path = path
    descriptor = HostFiles.open(path, for: .replacing)
    guard descriptor >= 0 else { throw .system(errno, path: path, doing: "cannot be opened for the console") }
    console = DescriptorConsoleOutput(descriptor: descriptor)
  }

  func start(_ inbox: Inbox, monitor: MonitorTarget?) {}

  func finish() {
    if let problem = console.problem { StandardOutput.note(problem: problem, of: path) }
    close(descriptor)
  }
}

/// A socket at which one client at a time sees the output and gives the input.
final class SocketSerialPort: SerialPort {
  let output: any ConsoleOutput
  private let server: ConsoleServer

  init(path: String) throws(Failure) {
    server = try ConsoleServer(path: path)
    output = server
  }

  func start(_ inbox: Inbox, monitor: MonitorTarget?) { server.start(inbox) }

  func finish() { server.finish() }
}
