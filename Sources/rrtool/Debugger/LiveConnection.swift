// SPDX-License-Identifier: Apache-2.0

import GDBRemote
import Glibc
import HostSystem

/// A debugger of a run: while it says nothing, the machine's thread sees to what others ask of it.
final class LiveConnection: RemoteConnection {
  private let descriptor: Int32
  private let waitForClient: () -> Bool
  private var isBroken = false
  private var buffer = [UInt8](repeating: 0, count: 1 << 16)

  /// - Parameter waitForClient: comes back when there may be something to read; false: when the run is to end.
  init(_ descriptor: Int32, waitForClient: @escaping () -> Bool) {
    self.descriptor = descriptor
    self.waitForClient = waitForClient
  }

  func read() -> [UInt8] {
    while true {
      guard let bytes = readAvailable() else { return [] }
      if !bytes.isEmpty { return bytes }
      guard waitForClient() else { return [] }
    }
  }

  func readAvailable() -> [UInt8]? {
    while true {
      let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      if count > 0 { return Array(buffer[..<count]) }
      if count == 0 { return nil }
      if errno == EAGAIN { return [] }
      if errno != EINTR { return nil }
    }
  }

  func write(_ bytes: [UInt8]) {
    guard !isBroken else { return }
    isBroken = bytes.withUnsafeBytes { buffer in
      transferAll(buffer.count) { done in
        send(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, Int32(MSG_NOSIGNAL))
      } != nil
    }
  }
}
