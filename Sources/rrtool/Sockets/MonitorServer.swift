import Monitor
import RecordReplay
import Synchronization

/// Listens at the socket that `--qmp` names. One client at a time is served; the next one waits until it has gone.
final class MonitorServer: Sendable {
  private let listener: ListeningSocket
  private let connection = Mutex<MonitorConnection?>(nil)

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
        self.connection.withLock { $0 = connection }
        connection.serve(target)
        self.connection.withLock { $0 = nil }
      }
    }
  }

  /// The run is over: the client gets what is still to be said, for a second at most, and the socket is removed.
  func finish() {
    listener.removeName()
    connection.withLock { $0 }?.finish(deadline: HostClock.monotonic() + 1_000_000_000)
  }
}
