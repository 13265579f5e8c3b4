// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// Threads that bring something to an inbox. They may wait for ever, so nobody waits for them.
extension Inbox {
  /// Runs `body` on a thread of its own.
  public func onOwnThread(_ body: @escaping @Sendable () -> Void) { HostThread(body).abandon() }

  /// Runs `body` on a thread of its own, as a source of console input until it comes back. It calls what it is given
  /// with each piece of input.
  public func serveInput(_ body: @escaping @Sendable (_ offer: ([UInt8]) -> Void) -> Void) {
    openSource()
    onOwnThread { [self] in
      body { bytes in if !bytes.isEmpty { offer(.consoleInput(bytes)) } }
      closeSource()
    }
  }

  /// Reads console input from `descriptor` until it ends; `filter` answers what of it is for the guest.
  public func readInput(from descriptor: Int32, filter: @escaping @Sendable ([UInt8]) -> [UInt8]) {
    serveInput { offer in
      var buffer = [UInt8](repeating: 0, count: 4096)
      while true {
        let count = read(descriptor, &buffer, buffer.count)
        if count > 0 {
          offer(filter(Array(buffer[..<count])))
        } else if count == 0 || errno != EINTR {
          return
        }
      }
    }
  }
}
