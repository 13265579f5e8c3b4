// SPDX-License-Identifier: Apache-2.0

import Monitor

/// The monitor on the terminal of the guest's console, behind Ctrl-A c.
struct ConsoleMonitor {
  private let monitor: HumanMonitor
  private var editor = LineEditor(prompt: HumanMonitor.prompt)

  init(_ target: MonitorTarget) { monitor = HumanMonitor(target) }

  /// The user comes; what was typed and not finished is still there.
  mutating func enter() {
    writeOutput(
      "\r\nrrtool \(ToolVersion.text) monitor: 'help' lists the commands, Ctrl-A c goes back to the guest\r\n"
    )
    perform(editor.begin())
  }

  mutating func leave() { writeOutput("\r\n") }

  mutating func take(_ bytes: [UInt8]) {
    editor.width = Terminal.width
    perform(editor.feed(bytes))
  }

  private mutating func perform(_ actions: [LineEditor.Action]) {
    for action in actions {
      switch action {
      case .write(let text): writeOutput(text)
      case .line(let line):
        writeOutput(monitor.carryOut(line))
        perform(editor.begin())
      case .complete(let line): perform(editor.complete(monitor.complete(line)))
      case .interrupt, .end: perform(editor.begin())
      }
    }
  }
}
