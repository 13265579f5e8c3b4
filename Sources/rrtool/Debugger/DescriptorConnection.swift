// SPDX-License-Identifier: Apache-2.0

import GDBRemote
import Glibc
import HostSystem

/// A debugger at the other end of a descriptor, or of two.
final class DescriptorConnection: RemoteConnection {
  private let input: Int32
  private let output: Int32
  private let isOver: () -> Bool
  private var isBroken = false
  private var lastWritten = HostTime.now()
  private var buffer = [UInt8](repeating: 0, count: 1 << 16)

  /// The descriptors stay the caller's to close.
  ///
  /// - Parameter isOver: asked when a signal breaks into waiting: whether to wait no longer.
  init(input: Int32, output: Int32, isOver: @escaping () -> Bool) {
    self.input = input
    self.output = output
    self.isOver = isOver
  }

  func read() -> [UInt8] {
    while true {
      let count = Glibc.read(input, &buffer, buffer.count)
      if count > 0 { return Array(buffer[..<count]) }
      if count == 0 || errno != EINTR || isOver() { return [] }
    }
  }

  func readAvailable() -> [UInt8]? {
    var state = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
    guard poll(&state, 1, 0) > 0 else { return [] }
    let bytes = read()
    return bytes.isEmpty ? nil : bytes
  }

  /// A byte that is no part of a packet: gdb and lldb pass over an acknowledgement that they do not wait for, and their waiting begins anew.
  func showLife() {
    let now = HostTime.now()
    guard now - lastWritten > 0.5 else { return }
    write([UInt8(ascii: "+")])
  }

  func write(_ bytes: [UInt8]) {
    lastWritten = HostTime.now()
    if !isBroken { isBroken = writeAll(bytes, to: output) != nil }
  }
}
