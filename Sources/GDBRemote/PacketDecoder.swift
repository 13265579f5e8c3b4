// SPDX-License-Identifier: Apache-2.0

/// Finds packets in the bytes that a client sends.
///
/// A packet is `$`, its payload, `#` and the payload's sum modulo 256 as two hexadecimal digits; `}` in a payload
/// escapes the byte after it. Bytes come in pieces of any size. What is no packet is told apart here as well, and no
/// more than `limit` bytes are ever kept.
public struct PacketDecoder {
  public enum Item: Equatable, Sendable {
    /// A payload, unescaped.
    case packet([UInt8])
    /// `+`: the client has received the packet sent last.
    case acknowledged
    /// `-`: the client asks for the packet sent last once more.
    case refused
    /// Ctrl-C: the client asks a run to stop.
    case interrupt
    /// A packet with a wrong checksum, or one that ends within an escape.
    case damaged
    /// A packet of more than `limit` bytes.
    case tooLong
  }

  private enum State {
    case outside
    case payload
    case checksum(first: UInt8?)
  }

  /// Bytes of the longest payload that is taken, escaped.
  public let limit: Int
  private var state = State.outside
  private var payload: [UInt8] = []
  private var received = 0
  private var sum: UInt8 = 0
  private var isEscaped = false

  public init(limit: Int) { self.limit = limit }

  /// What `byte` completes; nil while nothing is complete.
  public mutating func take(_ byte: UInt8) -> Item? {
    switch state {
    case .outside:
      switch byte {
      case UInt8(ascii: "$"): begin()
      case UInt8(ascii: "+"): return .acknowledged
      case UInt8(ascii: "-"): return .refused
      case 0x03: return .interrupt
      default: break  // line noise
      }
    case .payload:
      switch byte {
      case UInt8(ascii: "#"): state = .checksum(first: nil)
      // Within a payload it would be escaped: the rest of the packet before was lost.
      case UInt8(ascii: "$"): begin()
      default: append(byte)
      }
    case .checksum(first: nil): state = .checksum(first: byte)
    case .checksum(let first?):
      state = .outside
      return finish(Hexadecimal.value(of: first, byte))
    }
    return nil
  }

  private mutating func begin() {
    state = .payload
    payload.removeAll(keepingCapacity: true)
    received = 0
    sum = 0
    isEscaped = false
  }

  private mutating func append(_ byte: UInt8) {
    sum &+= byte
    guard received < limit else {
      received = limit + 1
      return
    }
    received += 1
    if isEscaped {
      payload.append(byte ^ Packet.escapeMask)
      isEscaped = false
    } else if byte == Packet.escape {
      isEscaped = true
    } else {
      payload.append(byte)
    }
  }

  private func finish(_ checksum: UInt8?) -> Item {
    if checksum != sum || isEscaped { return .damaged }
    return received > limit ? .tooLong : .packet(payload)
  }
}

/// How payloads travel.
public enum Packet {
  static let escape = UInt8(ascii: "}")
  static let escapeMask: UInt8 = 0x20

  /// A payload as it goes over the wire.
  public static func frame(_ payload: some Sequence<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = [UInt8(ascii: "$")]
    var sum: UInt8 = 0
    func append(_ byte: UInt8) {
      bytes.append(byte)
      sum &+= byte
    }
    for byte in payload {
      switch byte {
      // `*` would begin a run-length code.
      case UInt8(ascii: "$"), UInt8(ascii: "#"), UInt8(ascii: "}"), UInt8(ascii: "*"):
        append(escape)
        append(byte ^ escapeMask)
      default: append(byte)
      }
    }
    bytes.append(UInt8(ascii: "#"))
    bytes += Hexadecimal.encode([sum])
    return bytes
  }
}
