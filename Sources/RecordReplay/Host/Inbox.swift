import Emulator
import Synchronization

/// Where host threads put what is to enter the machine, and where the machine's thread takes it out.
///
/// Any thread may offer; one thread takes. The machine asks every few thousand instructions whether there is anything,
/// so that question is a single atomic load.
public final class Inbox: @unchecked Sendable {
  // Sendable: all state below is touched with `monitor` held, except the atomic flag.

  /// What the machine's thread finds here.
  package enum News: Equatable {
    case arrival(Arrival)
    /// The user wants the run to end (Ctrl-C, SIGTERM).
    case stop
    /// The host cannot go on serving the guest.
    case failure(Failure)
  }

  /// Console input that may wait here before the thread that reads it is made to wait.
  private static let consoleLimit = 64 << 10

  private let monitor = Monitor()
  private let flag = Atomic<Bool>(false)
  private var arrivals: [Arrival] = []
  private var consoleBytes = 0
  private var stopRequested = false
  private var failure: Failure?
  private var openSources = 0

  public init() {}

  // MARK: For host threads

  /// Offers an arrival. Console input waits for room, so that a huge file on standard input is not read into memory.
  public func offer(_ arrival: Arrival) {
    monitor.withLock {
      if case .consoleInput(let bytes) = arrival {
        while consoleBytes > Self.consoleLimit, !stopRequested { monitor.wait() }
        consoleBytes += bytes.count
        if case .consoleInput(let earlier)? = arrivals.last {
          arrivals[arrivals.count - 1] = .consoleInput(earlier + bytes)
          return
        }
      }
      arrivals.append(arrival)
      announce()
    }
  }

  /// Asks for the run to end at the next chance.
  public func requestStop() {
    monitor.withLock {
      stopRequested = true
      announce()
    }
  }

  /// Ends the run because the host failed; the first failure counts.
  package func report(_ failure: Failure) {
    monitor.withLock {
      self.failure = self.failure ?? failure
      announce()
    }
  }

  /// A source of console input is attached: an idle machine without timers waits for it.
  package func openSource() { monitor.withLock { openSources += 1 } }

  /// The source came to its end: nothing more will come from it.
  package func closeSource() {
    monitor.withLock {
      openSources -= 1
      monitor.wakeAll()
    }
  }

  // MARK: For the machine's thread

  /// Is there anything to take? May be a moment late, never wrong for long.
  package var hasNews: Bool { flag.load(ordering: .acquiring) }

  /// Whether anything may still come from the console.
  package var hasOpenSource: Bool { monitor.withLock { openSources > 0 } }

  package func take() -> News? {
    monitor.withLock {
      if let failure { return .failure(failure) }
      if stopRequested { return .stop }
      guard !arrivals.isEmpty else { return nil }
      let first = arrivals.removeFirst()
      if case .consoleInput(let bytes) = first {
        consoleBytes -= bytes.count
        monitor.wakeAll()
      }
      flag.store(!arrivals.isEmpty, ordering: .releasing)
      return .arrival(first)
    }
  }

  /// Waits for news, for the end of the last source when `untilSourcesEnd`, or for `deadline` on the host's monotonic
  /// clock. Answers whether there is news.
  package func wait(until deadline: UInt64?, untilSourcesEnd: Bool = false) -> Bool {
    monitor.withLock {
      while true {
        if failure != nil || stopRequested || !arrivals.isEmpty { return true }
        if untilSourcesEnd, openSources == 0 { return false }
        if let deadline, HostClock.monotonic() >= deadline { return false }
        monitor.wait(until: deadline)
      }
    }
  }

  private func announce() {
    flag.store(true, ordering: .releasing)
    monitor.wakeAll()
  }
}
