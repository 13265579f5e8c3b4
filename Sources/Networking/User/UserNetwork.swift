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
  private let link = BackendThread(answerTime: answerTime)
  private let stack: SlirpStack
  private let hasConnections = Atomic<Bool>(false)

  /// - Parameters:
  ///   - option: what the user wrote, for errors.
  ///   - address: of the guest's card.
  ///   - mtu: of it, when the guest is told.
  public init(
    _ options: UserNetworkOptions, option: String, address: [UInt8], mtu: UInt16?, clock: GuestClock
  ) throws(Failure) {
    self.options = options
    stack = try SlirpStack(options, option: option, address: address, mtu: mtu, clock: clock)
  }

  public func start(deliver: @escaping @Sendable ([UInt8]) -> Void) {
    stack.deliver = { [link] frame in
      link.noteFrame()
      deliver(frame)
    }
    link.start { [self] in
      while let frames = link.queue.take() {
        stack.turn(frames, wakeDescriptor: link.queue.wakeDescriptor)
        hasConnections.store(stack.hasConnections, ordering: .relaxed)
      }
    }
  }

  public func send(_ frame: [UInt8]) { link.send(frame) }
  public var isBusy: Bool { hasConnections.load(ordering: .relaxed) || link.isBusy }

  public var description: [String] {
    let restricted = options.isRestricted ? ", restricted" : ""
    let forwards = options.hostForwards.map { forward in
      "\(forward.transport.rawValue) \(forward.hostAddress):\(forward.hostPort) leads to "
        + "\(forward.guestAddress ?? options.dhcpStart ?? options.address(15)):\(forward.guestPort)"
    }
    let host = options.reachesHostLoopback ? ", reaches the host's loopback" : ""
    return ["user network \(options.network)\(restricted)\(host)"] + forwards + link.remarks
  }

  public func finish() {
    link.finish()
    stack.end()
  }
}
