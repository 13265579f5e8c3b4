// SPDX-License-Identifier: Apache-2.0

import Emulator
import HostSystem
import Synchronization

/// Where host threads put what is to enter the machine, and where the machine's thread takes it out.
///
/// Any thread may offer; one thread takes. The machine asks every few thousand instructions whether there is anything,
/// so that question is a single atomic load.
public final class Inbox: @unchecked Sendable {
  // Sendable: all state below is touched with `lock` held, except the atomic flag.

  /// What the machine's thread finds here.
  package enum News: Equatable {
    case arrival(Arrival)
    /// Other threads want something done between two instructions: `takeRequest` gives it.
    case requests
    /// The user wants the run to end (Ctrl-C, SIGTERM).
    case stop
    /// The host cannot go on serving the guest.
    case failure(Failure)
  }

  /// Console input that may wait here before the thread that reads it is made to wait.
  private static let consoleLimit = 64 << 10
  /// Frames that may wait here, and their bytes: some bursts of what a guest's connections may have on their way.
  private static let frameLimit = 1024
  private static let frameByteLimit = 4 << 20

  /// What another thread wants done on the machine's thread, with the run; nil says that the run is over.
  package typealias Request = @Sendable ((any ControlledRun)?) -> Void

  private let lock = ConditionLock()
  private let flag = Atomic<Bool>(false)
  private var arrivals: [Arrival] = []
  private var consoleBytes = 0
  /// The machine takes no console input now: what there is waits here, and counts for nothing meanwhile.
  private var isConsoleHeld = false
  /// Network cards that have no room for frames: theirs wait here, and are no news meanwhile.
  private var heldCards: Set<Int> = []
  /// Frames that wait, and their bytes.
  private var frameCount = 0
  private var frameBytes = 0
  /// Threads of sources that wait for room.
  private var waitingSources = 0
  /// Who wants the run to end; the first one counts.
  private var stopWanted: StopCause?
  private var stopRequested: Bool { stopWanted != nil }
  private var failure: Failure?
  private var openSources = 0
  private var requests: [Request] = []
  private var refusesRequests = false
  private var isNudged = false

  public init() {}

  // MARK: For host threads

  /// Offers an arrival. Console input waits for room, so that a huge file on standard input is not read into memory.
  public func offer(_ arrival: Arrival) {
    lock.withLock {
      if case .consoleInput(let bytes) = arrival {
        waitingSources += 1
        while consoleBytes > Self.consoleLimit, !stopRequested {
          // The machine may be waiting for sources that can still bring something.
          lock.wakeAll()
          lock.wait()
        }
        waitingSources -= 1
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

  /// Offers a frame. One that finds too many before it is lost, as on a wire whose other end is slow.
  package func offer(_ frame: NetworkFrame) {
    lock.withLock {
      guard frameCount < Self.frameLimit, frameBytes + frame.bytes.count <= Self.frameByteLimit else {
        return
      }
      frameCount += 1
      frameBytes += frame.bytes.count
      arrivals.append(.frame(frame))
      announce()
    }
  }

  /// Whether who offers more console input has to wait.
  public var isConsoleFull: Bool { lock.withLock { consoleBytes > Self.consoleLimit } }

  /// Puts what was taken elsewhere and not delivered before all that waits here. It does not wait for room.
  package func putFirst(_ earlier: [Arrival]) {
    lock.withLock {
      for arrival in earlier {
        switch arrival {
        case .consoleInput(let bytes): consoleBytes += bytes.count
        case .frame(let frame):
          frameCount += 1
          frameBytes += frame.bytes.count
        default: break
        }
      }
      arrivals = earlier + arrivals
      announce()
    }
  }

  /// Asks for the run to end at the next chance.
  public func requestStop(_ cause: StopCause = .user) {
    lock.withLock {
      stopWanted = stopWanted ?? cause
      announce()
    }
  }

  /// Who wanted the run to end, if somebody did.
  public var stopCause: StopCause? { lock.withLock { stopWanted } }

  /// Asks for something to be done on the machine's thread. False when the run is over, and nothing will be done.
  package func post(_ request: @escaping Request) -> Bool {
    lock.withLock {
      guard !refusesRequests else { return false }
      requests.append(request)
      announce()
      return true
    }
  }

  /// Has the machine's thread look around between two instructions, also while the machine stands still.
  package func nudge() {
    lock.withLock {
      isNudged = true
      announce()
    }
  }

  /// Ends the run because the host failed; the first failure counts.
  package func report(_ failure: Failure) {
    lock.withLock {
      self.failure = self.failure ?? failure
      announce()
    }
  }

  /// A source of console input is attached: an idle machine without timers waits for it.
  package func openSource() { lock.withLock { openSources += 1 } }

  /// The source came to its end: nothing more will come from it.
  package func closeSource() {
    lock.withLock {
      openSources -= 1
      lock.wakeAll()
    }
  }

  // MARK: For the machine's thread

  /// Is there anything to take? May be a moment late, never wrong for long.
  package var hasNews: Bool { flag.load(ordering: .acquiring) }

  /// Whether the user wants the run to end.
  package var isStopRequested: Bool { lock.withLock { stopRequested } }

  /// Console input goes past other arrivals only when there is no room for it. It is not news again before `releaseConsole`.
  ///
  /// - Parameters:
  ///   - includingRequests: whether requests, which go before arrivals, may be told of.
  ///   - consoleRoom: the most bytes of console input to give.
  ///   - frameRoom: what becomes of a frame for a network card now.
  ///   - heldCards: network cards whose frames have to wait are added. Theirs are not news again before `releaseFrames`.
  package func take(
    includingRequests: Bool, consoleRoom: Int = .max, frameRoom: (Int) -> FrameRoom = { _ in .closed },
    holding heldCards: inout Set<Int>
  ) -> News? {
    lock.withLock {
      if let failure { return .failure(failure) }
      if stopRequested { return .stop }
      if includingRequests, hasRequest { return .requests }
      defer { updateFlag() }
      if !isConsoleHeld, consoleRoom <= 0, arrivals.contains(where: \.isConsoleInput) { isConsoleHeld = true }
      placeFrames(frameRoom)
      heldCards = self.heldCards
      guard let index = arrivals.firstIndex(where: isTakeable) else { return nil }
      if case .frame(let frame) = arrivals[index] { forget(frame) }
      guard case .consoleInput(let bytes) = arrivals[index] else {
        return .arrival(arrivals.remove(at: index))
      }
      let piece = bytes.prefix(consoleRoom)
      if piece.count < bytes.count {
        arrivals[index] = .consoleInput(Array(bytes[piece.endIndex...]))
      } else {
        arrivals.remove(at: index)
      }
      consoleBytes -= piece.count
      lock.wakeAll()
      return .arrival(.consoleInput(Array(piece)))
    }
  }

  /// The machine takes console input again.
  func releaseConsole() {
    lock.withLock {
      isConsoleHeld = false
      updateFlag()
    }
  }

  /// Frames at the front that nobody takes are lost, and cards that have no room now have theirs held.
  private func placeFrames(_ frameRoom: (Int) -> FrameRoom) {
    while let index = arrivals.firstIndex(where: isTakeable), case .frame(let frame) = arrivals[index] {
      switch frameRoom(frame.interface) {
      case .open: return
      case .full: heldCards.insert(frame.interface)
      case .closed:
        forget(frame)
        arrivals.remove(at: index)
      }
    }
  }

  private func forget(_ frame: NetworkFrame) {
    frameCount -= 1
    frameBytes -= frame.bytes.count
  }

  /// A network card has room again.
  func releaseFrames(of card: Int) {
    lock.withLock {
      heldCards.remove(card)
      updateFlag()
    }
  }

  /// What has been offered and not been taken.
  package var pendingArrivals: [Arrival] { lock.withLock { arrivals } }

  /// Whether all the news there is are requests.
  package var hasOnlyRequests: Bool {
    lock.withLock { failure == nil && !stopRequested && !hasArrival && hasRequest }
  }

  /// What was asked for first, to be called with the run.
  package func takeRequest() -> Request? {
    lock.withLock {
      guard !requests.isEmpty else { return nil }
      defer { updateFlag() }
      return requests.removeFirst()
    }
  }

  /// Whether there are requests that nobody has taken.
  package var hasRequests: Bool { lock.withLock { !requests.isEmpty } }

  /// The machine's thread has been nudged, and looks around.
  func takeNudge() {
    lock.withLock {
      isNudged = false
      updateFlag()
    }
  }

  /// Waits, while the machine stands still, for a request, a nudge, or for `deadline`. False when the run is to end.
  package func waitForRequest(until deadline: UInt64? = nil) -> Bool {
    lock.withLock {
      while true {
        if failure != nil || stopRequested { return false }
        if hasRequest { return true }
        if let deadline, HostClock.monotonic() >= deadline { return true }
        lock.wait(until: deadline)
      }
    }
  }

  /// No more requests are taken. Answers those that are left, which must be told.
  func refuseRequests() -> [Request] {
    lock.withLock {
      refusesRequests = true
      defer {
        requests = []
        updateFlag()
      }
      return requests
    }
  }

  /// Waits for news, for the end of the last source when `untilSourcesEnd`, or for `deadline` on the host's monotonic
  /// clock. Answers whether there is news.
  package func wait(until deadline: UInt64?, untilSourcesEnd: Bool = false) -> Bool {
    lock.withLock {
      while true {
        if failure != nil || stopRequested || hasArrival || hasRequest { return true }
        // A source that waits until a machine takes its input that takes none brings nothing either.
        if untilSourcesEnd, openSources <= (isConsoleHeld ? waitingSources : 0) { return false }
        if let deadline, HostClock.monotonic() >= deadline { return false }
        lock.wait(until: deadline)
      }
    }
  }

  /// Whether anything but the end of the run can still come from outside.
  package var mayBringInput: Bool {
    lock.withLock { hasArrival || !requests.isEmpty || openSources > (isConsoleHeld ? waitingSources : 0) }
  }

  /// Without a failure or the wish to stop, which stay.
  private func updateFlag() {
    flag.store(failure != nil || stopRequested || hasArrival || hasRequest, ordering: .releasing)
  }

  private var hasRequest: Bool { !requests.isEmpty || isNudged }

  /// Whether there is an arrival that the machine takes now.
  private var hasArrival: Bool { arrivals.contains(where: isTakeable) }

  private func isTakeable(_ arrival: Arrival) -> Bool {
    switch arrival {
    case .consoleInput: !isConsoleHeld
    case .frame(let frame): !heldCards.contains(frame.interface)
    default: true
    }
  }

  private func announce() {
    updateFlag()
    lock.wakeAll()
  }
}

extension Arrival {
  fileprivate var isConsoleInput: Bool {
    if case .consoleInput = self { true } else { false }
  }
}
