import ArgumentParser
import Monitor
import RecordReplay

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

struct MonitorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "monitor", abstract: "Control a run of rrtool through its monitor.",
    discussion: """
      The run was started with --qmp unix:SOCKET. Without a command, lines are read from standard input; a terminal gets
      editing, history and completion of commands and file names (Tab). File names are the running rrtool's: relative to the
      folder in which it was started.

      EXAMPLES
        rrtool record --kernel Image --qmp unix:linux.sock &
        rrtool monitor linux.sock
        rrtool monitor linux.sock info registers
        rrtool monitor linux.sock stop
      """)

  @Argument(help: ArgumentHelp("The socket.", valueName: "socket"))
  var socket: String

  @Argument(
    parsing: .captureForPassthrough,
    help: ArgumentHelp("A command to carry out instead of reading some.", valueName: "command"))
  var command: [String] = []

  func run() throws {
    try reporting {
      let client = try MonitorClient(path: socket.hasPrefix("unix:") ? String(socket.dropFirst(5)) : socket)
      if !command.isEmpty {
        guard try Self.show(client.carryOut(command.joined(separator: " "))) else { throw ExitStatus.failed }
      } else if Terminal.isTerminal(0) {
        try MonitorDialog(client).run()
      } else {
        var isFine = true
        while let line = readLine() { isFine = try Self.show(client.carryOut(line)) && isFine }
        if !isFine { throw ExitStatus.failed }
      }
    }
  }

  /// Writes an answer to where it belongs; false when it says that something went wrong.
  private static func show(_ answer: String) -> Bool {
    guard answer.hasPrefix(HumanMonitor.errorPrefix) else {
      writeOutput(answer)
      return true
    }
    writeError("rrtool: " + answer.dropFirst(HumanMonitor.errorPrefix.count))
    return false
  }
}

/// The dialog with a user at a terminal.
private final class MonitorDialog {
  private let client: MonitorClient
  private var editor = LineEditor(prompt: HumanMonitor.prompt)
  private var isOver = false

  init(_ client: MonitorClient) { self.client = client }

  func run() throws {
    let terminal = Terminal(takingOver: 0, keepsInterrupts: false)
    defer { terminal?.giveBack() }
    client.hear = { [unowned self] event in show(event) }
    try perform(editor.begin())
    var buffer = [UInt8](repeating: 0, count: 4096)
    while !isOver {
      var waited = [
        pollfd(fd: 0, events: Int16(POLLIN), revents: 0),
        pollfd(fd: client.descriptor, events: Int16(POLLIN), revents: 0),
      ]
      guard poll(&waited, nfds_t(waited.count), -1) > 0 else { continue }
      if waited[1].revents != 0, !client.hearEvents() {
        writeOutput("\r\u{1b}[Kthe run is over\r\n")
        return
      }
      guard waited[0].revents != 0 else { continue }
      let count = read(0, &buffer, buffer.count)
      guard count > 0 else { return }
      editor.width = Terminal.width
      try perform(editor.feed(buffer[..<count]))
    }
  }

  private func perform(_ actions: [LineEditor.Action]) throws {
    for action in actions where !isOver {
      switch action {
      case .write(let text): writeOutput(text)
      case .line(let line):
        writeOutput(try client.carryOut(line))
        try perform(editor.begin())
      case .complete(let line): try perform(editor.complete(client.complete(line)))
      case .interrupt: try perform(editor.begin())
      case .end: isOver = true
      }
    }
  }

  /// An event, above the line that is being typed.
  private func show(_ event: JSONValue) {
    guard let name = event["event"]?.string else { return }
    let data = event["data"].map { " " + $0.text } ?? ""
    writeOutput("\r\u{1b}[K[\(name)\(data)]\r\n")
    for case .write(let text) in editor.begin() { writeOutput(text) }
  }
}
