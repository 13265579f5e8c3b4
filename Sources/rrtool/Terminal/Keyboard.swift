// SPDX-License-Identifier: Apache-2.0

import Execution
import Monitor

/// The keys of the terminal: for the guest, for the monitor, or for rrtool itself.
final class Keyboard: @unchecked Sendable {
  // Sendable: handed to one reading thread, which is its only user.
  private let inbox: Inbox
  private var keys: EscapeKeys
  private var monitor: ConsoleMonitor?
  private var isAtMonitor = false
  private let terminal: Terminal
  private let keepsInterrupts: Bool

  init(_ inbox: Inbox, _ target: MonitorTarget?, on terminal: Terminal, keepsInterrupts: Bool) {
    keys = EscapeKeys(keepsInterrupts: keepsInterrupts)
    self.keepsInterrupts = keepsInterrupts
    self.inbox = inbox
    self.terminal = terminal
    monitor = target.map { ConsoleMonitor($0) }
  }

  /// Answers what of the keys is for the guest.
  func take(_ bytes: [UInt8]) -> [UInt8] {
    var input: [UInt8] = []
    for item in keys.items(in: bytes) {
      switch item {
      case .input(let bytes):
        guard isAtMonitor else {
          input += bytes
          continue
        }
        // A command may take long, and nobody reads meanwhile.
        terminal.sendsInterrupts = keepsInterrupts
        monitor?.take(bytes)
      case .command(.help): writeError(EscapeKeys.help)
      case .command(.interrupt): terminal.interrupt()
      case .command(.exit): inbox.requestStop()
      case .command(.monitor):
        guard monitor != nil else { continue }
        isAtMonitor.toggle()
        if isAtMonitor { monitor?.enter() } else { monitor?.leave() }
      }
    }
    // Whoever reads the keys may have to wait now until the guest has taken some.
    terminal.sendsInterrupts = keepsInterrupts && (isAtMonitor || inbox.isConsoleFull)
    return input
  }
}
