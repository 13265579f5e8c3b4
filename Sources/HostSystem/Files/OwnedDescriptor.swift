// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A descriptor of the host that is closed when nobody holds it any more.
public final class OwnedDescriptor: Sendable, Equatable {
  public let number: Int32

  public init(_ number: Int32) { self.number = number }

  deinit { close(number) }

  public static func == (one: OwnedDescriptor, other: OwnedDescriptor) -> Bool { one === other }
}

/// Descriptors that come over a Unix socket beside its bytes (`SCM_RIGHTS` of unix(7)).
extension OwnedDescriptor {
  /// As many come with one call at most, as in QEMU; the system closes those that are more.
  public static let receiveLimit = 16
  private static let rights: Int32 = 1
  private static let headerSize = MemoryLayout<cmsghdr>.size
  /// Control messages, and what is in them, begin at multiples of this.
  private static let alignment = MemoryLayout<Int>.alignment

  /// `recv` that takes descriptors too. A count of 0 or less is the end, or an error in `errno`.
  public static func receive(
    from socket: Int32, into buffer: inout [UInt8]
  ) -> (count: Int, descriptors: [OwnedDescriptor]) {
    let size = headerSize + receiveLimit * MemoryLayout<Int32>.size
    let control = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
    defer { control.deallocate() }
    var got = 0
    let count = buffer.withUnsafeMutableBytes { bytes in
      var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
      return withUnsafeMutablePointer(to: &part) { part in
        var message = msghdr()
        message.msg_iov = part
        message.msg_iovlen = 1
        message.msg_control = control.baseAddress
        message.msg_controllen = control.count
        let count = recvmsg(socket, &message, Int32(MSG_CMSG_CLOEXEC))
        if count >= 0 { got = min(Int(message.msg_controllen), control.count) }
        return count
      }
    }
    return (count, descriptors(in: UnsafeRawBufferPointer(rebasing: control[..<got])))
  }

  private static func descriptors(in control: UnsafeRawBufferPointer) -> [OwnedDescriptor] {
    var found: [OwnedDescriptor] = []
    var offset = 0
    while offset + headerSize <= control.count {
      let header = control.loadUnaligned(fromByteOffset: offset, as: cmsghdr.self)
      let end = min(offset + Int(header.cmsg_len), control.count)
      guard end >= offset + headerSize else { break }
      if header.cmsg_level == SOL_SOCKET, header.cmsg_type == rights {
        for place in stride(from: offset + headerSize, through: end - 4, by: 4) {
          found.append(OwnedDescriptor(control.loadUnaligned(fromByteOffset: place, as: Int32.self)))
        }
      }
      offset = (end + alignment - 1) / alignment * alignment
    }
    return found
  }
}
