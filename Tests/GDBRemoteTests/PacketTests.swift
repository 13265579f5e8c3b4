// SPDX-License-Identifier: Apache-2.0

import GDBRemote
import TestSupport
import Testing

@Suite struct PacketTests {
  private func items(_ bytes: [UInt8], limit: Int = 1000) -> [PacketDecoder.Item] {
    var decoder = PacketDecoder(limit: limit)
    return bytes.compactMap { decoder.take($0) }
  }

  @Test func framesAsTheManualSays() {
    #expect(Packet.frame("OK".utf8) == Array("$OK#9a".utf8))
    #expect(Packet.frame([]) == Array("$#00".utf8))
    // `}` and the byte with bit 5 turned; the sum is that of what is sent.
    #expect(Packet.frame([0x23]) == [0x24, 0x7d, 0x03, 0x23] + Array("80".utf8))
  }

  @Test func everyPayloadComesBack() {
    var generator = SeededGenerator(seed: 11)
    for length in [0, 1, 2, 10, 300] {
      for _ in 0..<50 {
        let payload = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
        #expect(items(Packet.frame(payload)) == [.packet(payload)])
      }
    }
  }

  @Test func wrongChecksumsAreDamage() {
    #expect(items(Array("$OK#9b".utf8)) == [.damaged])
    #expect(items(Array("$OK#zz".utf8)) == [.damaged])
    #expect(items(Array("$OK#9a$g#67".utf8)) == [.packet(Array("OK".utf8)), .packet([0x67])])
    #expect(items([0x24, 0x7d, 0x23] + Array("7d".utf8)) == [.damaged], "ends within an escape")
  }

  @Test func aNewPacketEndsAHalfOne() {
    #expect(items(Array("$gar$OK#9a".utf8)) == [.packet(Array("OK".utf8))])
  }

  @Test func whatIsNoPacketIsToldApart() {
    #expect(
      items([0x2b, 0x2d, 0x03, 0x78, 0x0a] + Array("$g#67".utf8))
        == [.acknowledged, .refused, .interrupt, .packet([0x67])])
  }

  @Test func keepsNoMoreThanItsLimit() {
    let long = Packet.frame([UInt8](repeating: 0x61, count: 5000))
    #expect(items(long, limit: 4999) == [.tooLong])
    #expect(items(long, limit: 5000) == [.packet([UInt8](repeating: 0x61, count: 5000))])
    // A packet that never ends takes no memory, and the next one is fine.
    var decoder = PacketDecoder(limit: 16)
    for byte in [0x24] + [UInt8](repeating: 0x61, count: 100_000) { #expect(decoder.take(byte) == nil) }
    let rest = Packet.frame("OK".utf8).compactMap { decoder.take($0) }
    #expect(rest == [.packet(Array("OK".utf8))])
  }
}
