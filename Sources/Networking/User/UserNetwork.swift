// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem
import Synchronization

/// A network that exists for the guest alone, and leads out of the host by the sockets of this process.
///
/// Sendable: the stack is used by its thread alone once that has started; all else is made for several threads.
public final class UserNetwork: NetworkBackend, @unchecked Sendable {
  /// Nanoseconds for which an answer to a frame is waited for.
  private static let answerTime: UInt64 = 50_000_000

  private let options: UserNetworkOptions
  private let queue = FrameQueue()
  private let delivery = Delivery()
  private let stack: SlirpStack
  private var thread: HostThread?
  private let hasConnections = Atomic<Bool>(false)
  /// On the host's clock.
  private let lastFrame = Atomic<UInt64>(0)

  /// - Parameters:
  ///   - option: what the user wrote, for errors.
  ///   - mtu: of the guest's card, when the guest is told.
  public init(_ options: UserNetworkOptions, option: String, mtu: UInt16?, clock: GuestClock) throws(Failure)
  {
    self.options = options
    stack = try SlirpStack(options, option: option, mtu: mtu, clock: clock) { [delivery] frame in
      delivery.deliver?(frame)
    }
  }

  public func start(deliver: @escaping @Sendable ([UInt8]) -> Void) {
    delivery.deliver = { [self] frame in
      lastFrame.store(HostClock.monotonic(), ordering: .relaxed)
      deliver(frame)
    }
    thread = HostThread { [self] in
      while let frames = queue.take() {
        stack.turn(frames, wakeDescriptor: queue.wakeDescriptor)
        hasConnections.store(stack.hasConnections, ordering: .relaxed)
      }
      stack.end()
    }
  }

  public func send(_ frame: [UInt8]) {
    lastFrame.store(HostClock.monotonic(), ordering: .relaxed)
    queue.add(frame)
  }

  public var isBusy: Bool {
    hasConnections.load(ordering: .relaxed)
      || HostClock.monotonic() - lastFrame.load(ordering: .relaxed) < Self.answerTime
  }

  public var description: [String] {
    let restricted = options.isRestricted ? ", restricted" : ""
    let forwards = options.hostForwards.map { forward in
      "\(forward.transport.rawValue) \(forward.hostAddress):\(forward.hostPort) leads to "
        + "\(forward.guestAddress ?? options.dhcpStart ?? options.address(15)):\(forward.guestPort)"
    }
    return ["user network \(options.network)\(restricted)"] + forwards
  }

  public func finish() {
    queue.end()
    if let thread { thread.join() } else { stack.end() }
    thread = nil
    delivery.deliver = nil
  }

  /// Where frames go once somebody takes them. It is set before the thread starts and after it has ended.
  private final class Delivery {
    var deliver: (([UInt8]) -> Void)?
  }
}
