// SPDX-License-Identifier: Apache-2.0

import Execution
import HostSystem
import Monitor

/// Listens at the socket that `--qmp` names. Clients are served beside one another: one that waits for a long command (a dump) holds
/// up no other.
final class MonitorServer: @unchecked Sendable {
  // Sendable: `connections` is touched with `lock` held.

  /// Clients at a time; the next one waits until one has gone.
  private static let limit = 8

  private let listener: ListeningSocket
  private let lock = ConditionLock()
  private var connections: [MonitorConnection] = []

  /// - Parameter text: `unix:PATH`, with the words of QEMU's chardevs that say what is the case anyway.
  init(_ text: String) throws(Failure) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard let place = parts.first, place.hasPrefix("unix:"), place.utf8.count > 5,
      parts.dropFirst().allSatisfy({ ["server", "server=on", "wait=off", "nowait"].contains($0) })
    else {
      throw Failure(
        .usage, "--qmp \(text)", "is not a place for a monitor",
        remedy: "give unix:SOCKET[,server=on,wait=off]")
    }
    listener = try ListeningSocket(path: String(place.dropFirst(5)))
  }

  /// Serves clients from here on. While somebody may connect, an idle guest without timers waits for them.
  func start(_ target: MonitorTarget, inbox: Inbox) {
    inbox.openSource()
    inbox.onOwnThread { [self] in
      while true {
        let connection = MonitorConnection(listener.accept())
        lock.withLock {
          while connections.count >= Self.limit { lock.wait() }
          connections.append(connection)
        }
        inbox.onOwnThread { [self] in
          connection.serve(target)
          lock.withLock {
            connections.removeAll { $0 === connection }
            lock.wakeAll()
          }
        }
      }
    }
  }

  /// The run is over: clients get what is still to be said, for a second at most, and the socket is removed.
  func finish() {
    listener.removeName()
    let deadline = HostClock.monotonic() + 1_000_000_000
    for connection in lock.withLock({ connections }) { connection.finish(deadline: deadline) }
  }
}
