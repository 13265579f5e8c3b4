// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Glibc
import Monitor

/// The dialog of `rrtool monitor` with a user at a terminal.
final class MonitorDialog {
  private let client: MonitorClient
  private var editor = LineEditor(prompt: HumanMonitor.prompt)
  private var isOver = false

  init(_ client: MonitorClient) { self.client = client }

  func run() throws {
    let terminal = Terminal(takingOver: 0)
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
