// SPDX-License-Identifier: Apache-2.0

import HostSystem
import ReplayLog

/// The events of a replay in order, with a look at the next ones. Events without effect on the guest are left out.
struct EventQueue {
  private let source: any EventSource
  private var ahead: [LogEvent] = []
  private var isAtEnd = false
  /// Whether what the guest gave out, and digests, are left out as well: in a fork nothing is compared with them.
  private var leavesOutChecks = false

  init(_ source: any EventSource) { self.source = source }

  /// Goes to event `number`, for a replay that compares.
  mutating func seek(toEvent number: UInt64) throws(Failure) {
    try source.seek(toEvent: number)
    ahead = []
    isAtEnd = false
    leavesOutChecks = false
  }

  /// From here on gives only what comes from outside.
  mutating func leaveOutChecks() {
    leavesOutChecks = true
    ahead = ahead.filter { !isCheck($0.payload) }
  }

  private func isCheck(_ payload: LogPayload) -> Bool {
    switch payload {
    case .consoleOutput, .frameOutput, .digest, .reset(.guest): leavesOutChecks
    default: false
    }
  }

  /// The event `offset` places ahead (0: the next one), or nil when the log ends before it.
  mutating func peek(_ offset: Int) throws(Failure) -> LogEvent? {
    while ahead.count <= offset, !isAtEnd {
      guard let event = try source.next() else {
        isAtEnd = true
        break
      }
      switch event.payload {
      case .snapshot, .note, .unrecognized: continue
      // No recorder writes one; it says nothing.
      case .consoleOutput(let bytes) where bytes.isEmpty: continue
      default: if !isCheck(event.payload) { ahead.append(event) }
      }
    }
    return offset < ahead.count ? ahead[offset] : nil
  }

  /// Passes over the next event.
  mutating func removeFirst() { ahead.removeFirst() }
}
