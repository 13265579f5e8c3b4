// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// A wire to another machine, over datagrams: a frame in each, bare, as QEMU has it. What the other end is not there for is lost; it may
/// come, go, and come again.
///
/// Sendable: the socket is used by the link's thread alone once that has started.
public final class DatagramLink: NetworkBackend, @unchecked Sendable {
  private let local: LinkAddress
  private let remote: LinkAddress
  private let remoteAddress: SocketAddress
  private let descriptor: Int32
  private let link = BackendThread(answerTime: LinkAddress.answerTime)

  public init(local: LinkAddress, remote: LinkAddress) throws(Failure) {
    self.local = local
    self.remote = remote
    remoteAddress = try remote.resolved()
    try local.removeDeadSocket(Int32(SOCK_DGRAM.rawValue))
    let address = try local.resolved()
    descriptor = try address.makeSocket(blocking: false, isDatagram: true) { (descriptor) throws(Failure) in
      guard address.withPointer({ bind(descriptor, $0, $1) }) == 0 else {
        throw Failure(
          .file, local.description, "cannot be bound: \(String(cString: strerror(errno)))",
          remedy: "remove what stands there, or name another place")
      }
    }
  }

  deinit { close(descriptor) }

  public func start(deliver: @escaping @Sendable ([UInt8]) -> Void) {
    link.start { [self] in
      var buffer = [UInt8](repeating: 0, count: StreamFraming.frameLimit)
      while let frames = link.queue.take() {
        for frame in frames { write(frame) }
        var polls = [
          pollfd(fd: link.queue.wakeDescriptor, events: Int16(POLLIN), revents: 0),
          pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&polls, 2, -1) > 0, polls[1].revents != 0 else { continue }
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { continue }
        link.noteFrame()
        deliver(Array(buffer[..<count]))
      }
    }
  }

  /// Whatever goes wrong, the frame is lost and the next one may come through.
  private func write(_ frame: [UInt8]) {
    _ = remoteAddress.withPointer { sendto(descriptor, frame, frame.count, 0, $0, $1) }
  }

  public func send(_ frame: [UInt8]) { link.send(frame) }
  public var isBusy: Bool { link.isBusy }
  public var description: [String] { ["datagrams from \(local) to \(remote)"] + link.remarks }

  public func finish() {
    link.finish()
    if case .path(let path) = local { unlink(path) }
  }
}
