// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem
import Synchronization

/// A wire to another machine, over a stream socket: another rrtool's, or QEMU's.
///
/// The server takes one client at a time, and the next when that has gone. A client tries until it finds its server, and again when it
/// has lost it. Frames for which there is no other end are lost.
///
/// Sendable: what is not made for several threads is used by the link's thread alone once that has started.
public final class StreamLink: NetworkBackend, @unchecked Sendable {
  /// Nanoseconds between two tries to reach the server.
  private static let retryInterval: UInt64 = 200_000_000
  /// Bytes that may wait until the other end takes them.
  private static let backlogLimit = 4 << 20

  private let address: LinkAddress
  private let listener: ListeningSocket?
  private let link = BackendThread(answerTime: LinkAddress.answerTime)
  private let isConnected = Atomic<Bool>(false)

  // Of the thread.
  private var connection: Int32 = -1
  private var framing = StreamFraming()
  private var backlog: ArraySlice<UInt8> = []
  private var nextTry: UInt64 = 0

  /// - Parameter isServer: it listens, and the other end connects.
  public init(_ address: LinkAddress, isServer: Bool) throws(Failure) {
    self.address = address
    guard isServer else {
      listener = nil
      // A name that cannot be found is told now.
      _ = try address.resolved()
      return
    }
    try address.removeDeadSocket(Int32(SOCK_STREAM.rawValue))
    listener =
      switch address {
      case .path(let path): try ListeningSocket(path: path)
      case .port(let host, let port): try ListeningSocket(host: host, port: port, name: address.description)
      }
  }

  public func start(deliver: @escaping @Sendable ([UInt8]) -> Void) {
    link.start { [self] in
      while let frames = link.queue.take() { turn(frames, deliver) }
      disconnect()
    }
  }

  public func send(_ frame: [UInt8]) { link.send(frame) }
  public var isBusy: Bool { isConnected.load(ordering: .relaxed) && link.isBusy }

  public var description: [String] {
    let state =
      isConnected.load(ordering: .relaxed)
      ? "connected" : listener == nil ? "tries to connect" : "waits for a client"
    return ["stream \(listener == nil ? "to" : "at") \(address), \(state)"] + link.remarks
  }

  public func finish() {
    link.finish()
    listener?.removeName()
  }

  // MARK: On the thread

  private func turn(_ frames: [[UInt8]], _ deliver: ([UInt8]) -> Void) {
    if connection < 0 { connect() }
    for frame in frames where connection >= 0 && backlog.count < Self.backlogLimit {
      backlog += StreamFraming.head(of: frame) + frame
    }
    writeBacklog()
    var polls = [pollfd(fd: link.queue.wakeDescriptor, events: Int16(POLLIN), revents: 0)]
    if connection >= 0 {
      let events = Int16(POLLIN) | (backlog.isEmpty ? 0 : Int16(POLLOUT))
      polls.append(pollfd(fd: connection, events: events, revents: 0))
    } else if let listener {
      polls.append(pollfd(fd: listener.pollDescriptor, events: Int16(POLLIN), revents: 0))
    }
    let patience = connection < 0 && listener == nil ? Int32(Self.retryInterval / 1_000_000) : -1
    guard poll(&polls, nfds_t(polls.count), patience) > 0 else { return }
    if connection >= 0, polls[1].revents & ~Int16(POLLOUT) != 0 { readFrames(deliver) }
  }

  private func connect() {
    if let listener {
      connection = listener.acceptNow() ?? -1
    } else if HostClock.monotonic() >= nextTry {
      nextTry = HostClock.monotonic() + Self.retryInterval
      connection = (try? makeConnection()) ?? -1
    }
    guard connection >= 0 else { return }
    _ = fcntl(connection, F_SETFL, fcntl(connection, F_GETFL) | O_NONBLOCK)
    framing = StreamFraming()
    backlog = []
    isConnected.store(true, ordering: .relaxed)
  }

  private func makeConnection() throws(Failure) -> Int32 {
    let address = try address.resolved()
    return try address.makeSocket(blocking: true) { (descriptor) throws(Failure) in
      guard address.withPointer({ Glibc.connect(descriptor, $0, $1) }) == 0 else {
        throw .system(errno, path: address.name, doing: "cannot connect")
      }
    }
  }

  private func disconnect() {
    guard connection >= 0 else { return }
    close(connection)
    connection = -1
    backlog = []
    isConnected.store(false, ordering: .relaxed)
  }

  private func writeBacklog() {
    while connection >= 0, !backlog.isEmpty {
      // Without a signal when nobody reads any more.
      let count = backlog.withUnsafeBytes {
        Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count > 0 {
        backlog = backlog.dropFirst(count)
      } else if errno == EAGAIN {
        return
      } else if errno != EINTR {
        disconnect()
      }
    }
  }

  private func readFrames(_ deliver: ([UInt8]) -> Void) {
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    let count = read(connection, &buffer, buffer.count)
    if count < 0, errno == EAGAIN || errno == EINTR { return }
    guard count > 0, let frames = framing.take(buffer[..<count]) else { return disconnect() }
    for frame in frames {
      link.noteFrame()
      deliver(frame)
    }
  }
}
