// SPDX-License-Identifier: Apache-2.0

import HostSystem

/// A back end behind a wire that loses, delays and reorders frames. A guest that is recorded has its faults in the log, like all else.
///
/// Sendable: everything that changes is touched within `lock` alone, but the thread, which the machine's thread starts and joins.
public final class FaultyWire: NetworkBackend, @unchecked Sendable {
  /// Host nanoseconds between two looks at the guest's clock, while frames are on their way.
  private static let patience: UInt64 = 1_000_000
  /// Frames on their way at most.
  private static let limit = 4096

  private struct Traveller {
    var due: UInt64
    var isForGuest: Bool
    var frame: [UInt8]
  }

  private let backend: any NetworkBackend
  private let clock: GuestClock
  private let faults: WireFaults
  private let lock = ConditionLock()
  private var choices: (toGuest: FaultChoices, fromGuest: FaultChoices)
  /// In the order in which they arrive.
  private var travellers: [Traveller] = []
  private var isFinished = false
  private var thread: HostThread?

  public init(_ backend: any NetworkBackend, faults: WireFaults, clock: GuestClock) {
    self.backend = backend
    self.clock = clock
    self.faults = faults
    var reverse = faults
    reverse.seed = ~faults.seed
    choices = (FaultChoices(faults), FaultChoices(reverse))
  }

  public func start(deliver: @escaping @Sendable ([UInt8]) -> Void) {
    thread = HostThread { [self] in
      while let arrived = next() {
        if arrived.isForGuest { deliver(arrived.frame) } else { backend.send(arrived.frame) }
      }
    }
    backend.start { [self] frame in depart(frame, isForGuest: true) }
  }

  public func send(_ frame: [UInt8]) { depart(frame, isForGuest: false) }

  private func depart(_ frame: [UInt8], isForGuest: Bool) {
    let now = clock.now
    lock.withLock {
      let time = isForGuest ? choices.toGuest.next() : choices.fromGuest.next()
      guard let time, travellers.count < Self.limit else { return }
      let traveller = Traveller(due: now &+ time, isForGuest: isForGuest, frame: frame)
      let index = travellers.firstIndex { $0.due > traveller.due } ?? travellers.count
      travellers.insert(traveller, at: index)
      lock.wakeAll()
    }
  }

  /// The next frame that arrives; nil when the wire is gone.
  private func next() -> Traveller? {
    lock.withLock {
      while !isFinished {
        if let first = travellers.first {
          let now = clock.now
          if first.due <= now { return travellers.removeFirst() }
          // The guest's clock may stand still, or jump.
          lock.wait(until: HostClock.monotonic() + min(first.due - now, Self.patience))
        } else {
          lock.wait()
        }
      }
      return nil
    }
  }

  public var isBusy: Bool { lock.withLock { !travellers.isEmpty } || backend.isBusy }

  public var description: [String] {
    var parts: [String] = []
    if faults.loss > 0 { parts.append("loses \(faults.loss * 100) %") }
    if faults.delay > 0 || faults.jitter > 0 {
      parts.append(
        "delays by \(Double(faults.delay) / 1e6) ms, give or take \(Double(faults.jitter) / 1e6) ms")
    }
    if faults.reorder > 0 { parts.append("lets \(faults.reorder * 100) % pass others") }
    return backend.description + ["the wire " + parts.joined(separator: ", ")]
  }

  public func finish() {
    lock.withLock {
      isFinished = true
      lock.wakeAll()
    }
    thread?.join()
    thread = nil
    backend.finish()
  }
}
