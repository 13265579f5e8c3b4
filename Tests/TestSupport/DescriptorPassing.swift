// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A connected pair of Unix sockets.
public func socketPair() -> (Int32, Int32) {
  var pair: [Int32] = [-1, -1]
  precondition(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0, "the host has sockets")
  return (pair[0], pair[1])
}

/// Sends bytes over a Unix socket, and descriptors beside them.
public func send(_ text: String, passing descriptors: [Int32], over socket: Int32) -> Bool {
  let headerSize = MemoryLayout<cmsghdr>.size
  let space = headerSize + (descriptors.count * 4 + 7) / 8 * 8
  let control = UnsafeMutableRawBufferPointer.allocate(byteCount: space, alignment: 16)
  defer { control.deallocate() }
  control.initializeMemory(as: UInt8.self, repeating: 0)
  var header = cmsghdr()
  header.cmsg_len = headerSize + descriptors.count * 4
  header.cmsg_level = SOL_SOCKET
  header.cmsg_type = 1  // SCM_RIGHTS
  control.storeBytes(of: header, as: cmsghdr.self)
  for (index, descriptor) in descriptors.enumerated() {
    control.storeBytes(of: descriptor, toByteOffset: headerSize + index * 4, as: Int32.self)
  }
  var bytes = Array(text.utf8)
  return bytes.withUnsafeMutableBytes { bytes in
    var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
    return withUnsafeMutablePointer(to: &part) { part in
      var message = msghdr()
      message.msg_iov = part
      message.msg_iovlen = 1
      if !descriptors.isEmpty {
        message.msg_control = control.baseAddress
        message.msg_controllen = control.count
      }
      return sendmsg(socket, &message, Int32(MSG_NOSIGNAL)) == bytes.count
    }
  }
}
