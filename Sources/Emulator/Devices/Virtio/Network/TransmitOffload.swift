// SPDX-License-Identifier: Apache-2.0

/// What a driver has left to the card with a frame that it sends (virtio specification 1.2, section 5.1.6.2): a checksum to compute,
/// or a long piece of TCP to cut into frames that fit a wire.
struct TransmitOffload: Equatable {
  static let needsChecksum: UInt8 = 1

  private enum Cut {
    static let none: UInt8 = 0
    static let tcpOverIPv4: UInt8 = 1
    static let tcpOverIPv6: UInt8 = 4
    /// With congestion told to the other end (RFC 3168).
    static let congestion: UInt8 = 0x80
  }

  private enum Flag {
    static let fin: UInt8 = 1
    static let push: UInt8 = 8
    static let congestionReduced: UInt8 = 0x80
  }

  var flags: UInt8 = 0
  var cut: UInt8 = 0
  /// Bytes of TCP's data in each piece.
  var pieceSize = 0
  var checksumStart = 0
  var checksumOffset = 0

  /// The frames that go out; none when what the driver says does not fit the frame.
  func frames(of frame: [UInt8]) -> [[UInt8]] {
    if cut & ~Cut.congestion != Cut.none { return pieces(of: frame) }
    guard flags & Self.needsChecksum != 0 else { return [frame] }
    let place = checksumStart + checksumOffset
    guard checksumStart <= frame.count, place + 2 <= frame.count else { return [] }
    // The driver has put the sum over what precedes into the checksum's place.
    var whole = frame
    var sum = InternetChecksum()
    sum.add(whole[checksumStart...])
    // Zero would say that there is none; all ones is the same number.
    whole.setBigEndianWord(sum.value == 0 ? 0xffff : sum.value, at: place)
    return [whole]
  }

  private func pieces(of frame: [UInt8]) -> [[UInt8]] {
    guard pieceSize > 0, let segment = TransportSegment(in: frame, isSuper: true), segment.kind == .tcp,
      segment.isIPv6 == (cut & ~Cut.congestion == Cut.tcpOverIPv6)
    else { return [] }
    let dataStart = segment.offset + Int(frame[segment.offset + 12] >> 4) * 4
    guard dataStart >= segment.offset + segment.kind.headerSize, dataStart < frame.count else { return [] }
    let dataCount = frame.count - dataStart
    return stride(from: 0, to: dataCount, by: pieceSize).map { done in
      let count = min(pieceSize, dataCount - done)
      var piece = Array(frame[..<dataStart])
      piece += frame[dataStart + done..<dataStart + done + count]
      Self.complete(
        &piece, segment, number: done / pieceSize, sequenceOffset: done, isFirst: done == 0,
        isLast: done + count == dataCount)
      return piece
    }
  }

  /// Makes the headers of a piece those of a frame of its own.
  private static func complete(
    _ piece: inout [UInt8], _ segment: TransportSegment, number: Int, sequenceOffset: Int, isFirst: Bool,
    isLast: Bool
  ) {
    let ip = segment.ipOffset
    if segment.isIPv6 {
      piece.setBigEndianWord(
        UInt16(truncatingIfNeeded: piece.count - ip - TransportSegment.ipv6HeaderSize), at: ip + 4)
    } else {
      piece.setBigEndianWord(UInt16(truncatingIfNeeded: piece.count - ip), at: ip + 2)
      piece.setBigEndianWord(
        piece.bigEndianWord(at: ip + 4) &+ UInt16(truncatingIfNeeded: number), at: ip + 4)
      piece.setBigEndianWord(0, at: ip + 10)
      var sum = InternetChecksum()
      sum.add(piece[ip..<segment.offset])
      piece.setBigEndianWord(sum.value, at: ip + 10)
    }
    let high = piece.bigEndianWord(at: segment.offset + 4)
    let low = piece.bigEndianWord(at: segment.offset + 6)
    let sequence = (UInt32(high) << 16 | UInt32(low)) &+ UInt32(truncatingIfNeeded: sequenceOffset)
    piece.setBigEndianWord(UInt16(sequence >> 16), at: segment.offset + 4)
    piece.setBigEndianWord(UInt16(truncatingIfNeeded: sequence), at: segment.offset + 6)
    let flags = segment.offset + 13
    if !isFirst { piece[flags] &= ~Flag.congestionReduced }
    if !isLast { piece[flags] &= ~(Flag.fin | Flag.push) }
    segment.fillChecksum(in: &piece)
  }
}
