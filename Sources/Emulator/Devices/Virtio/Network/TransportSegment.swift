// SPDX-License-Identifier: Apache-2.0

/// Where TCP or UDP lies in a frame over IPv4 or IPv6, as far as a card that works on checksums has to know.
///
/// Frames come from strangers on both sides: nil for everything but a whole datagram that says of itself what fits into the frame.
struct TransportSegment: Equatable {
  enum Kind: UInt8 {
    case tcp = 6
    case udp = 17

    /// Of the checksum in the header.
    var checksumOffset: Int { self == .tcp ? 16 : 6 }
    var headerSize: Int { self == .tcp ? 20 : 8 }
  }

  private enum EtherType {
    static let ipv4: UInt16 = 0x0800
    static let ipv6: UInt16 = 0x86dd
    static let vlan: UInt16 = 0x8100
  }
  static let ipv6HeaderSize = 40

  let kind: Kind
  let isIPv6: Bool
  /// Offsets in the frame: of the IP header, of that of TCP or UDP, and behind the last byte that IP counts.
  let ipOffset: Int
  let offset: Int
  let end: Int

  /// - Parameter isSuper: the frame is longer than what IP can say, and is to be cut: its lengths mean nothing.
  init?(in frame: [UInt8], isSuper: Bool = false) {
    var start = NetworkFrame.headerSize
    guard frame.count >= start else { return nil }
    var type = frame.bigEndianWord(at: start - 2)
    if type == EtherType.vlan {
      guard frame.count >= start + 4 else { return nil }
      type = frame.bigEndianWord(at: start + 2)
      start += 4
    }
    let number: UInt8
    let header: Int
    let length: Int
    switch type {
    case EtherType.ipv4:
      guard frame.count >= start + 20, frame[start] >> 4 == 4 else { return nil }
      header = Int(frame[start] & 15) * 4
      length = Int(frame.bigEndianWord(at: start + 2))
      // A fragment has no checksum of its own.
      guard header >= 20, frame.bigEndianWord(at: start + 6) & 0x3fff == 0 else { return nil }
      number = frame[start + 9]
      isIPv6 = false
    case EtherType.ipv6:
      guard frame.count >= start + Self.ipv6HeaderSize, frame[start] >> 4 == 6 else { return nil }
      header = Self.ipv6HeaderSize
      length = header + Int(frame.bigEndianWord(at: start + 4))
      number = frame[start + 6]
      isIPv6 = true
    default: return nil
    }
    guard let kind = Kind(rawValue: number) else { return nil }
    let end = isSuper ? frame.count : start + length
    guard end <= frame.count, start + header + kind.headerSize <= end else { return nil }
    self.kind = kind
    ipOffset = start
    offset = start + header
    self.end = end
  }

  /// The sum over addresses, protocol and length that TCP and UDP begin with (RFC 9293, section 3.1; RFC 8200, section 8.1).
  private func begin(_ frame: [UInt8], byteCount: Int) -> InternetChecksum {
    var sum = InternetChecksum()
    sum.add(isIPv6 ? frame[ipOffset + 8..<ipOffset + 40] : frame[ipOffset + 12..<ipOffset + 20])
    sum.add(UInt16(kind.rawValue))
    sum.add(UInt16(byteCount))
    return sum
  }

  /// Whether its checksum is right. One that says that there is none is right as well.
  func isIntact(in frame: [UInt8]) -> Bool {
    if kind == .udp, !isIPv6, frame.bigEndianWord(at: offset + kind.checksumOffset) == 0 { return true }
    guard end - offset <= Int(UInt16.max) else { return false }
    var sum = begin(frame, byteCount: end - offset)
    sum.add(frame[offset..<end])
    return sum.value == 0
  }

  /// Computes its checksum, over all of `frame` from it on.
  func fillChecksum(in frame: inout [UInt8]) {
    let place = offset + kind.checksumOffset
    frame.setBigEndianWord(0, at: place)
    var sum = begin(frame, byteCount: frame.count - offset)
    sum.add(frame[offset...])
    frame.setBigEndianWord(sum.value, at: place)
  }
}
