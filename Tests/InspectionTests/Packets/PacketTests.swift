// SPDX-License-Identifier: Apache-2.0

import Inspection
import TestSupport
import Testing

@Suite struct PacketTests {
  @Test(arguments: SampleFrame.all + SampleFrame.malformed) func tellsWhatAFrameSays(_ frame: SampleFrame) {
    let packet = Packet(frame.bytes)
    #expect(packet.name.rawValue == frame.name)
    #expect(packet.source?.description ?? "" == frame.source)
    #expect(packet.destination?.description ?? "" == frame.destination)
    #expect(packet.summary == frame.summary)
  }

  @Test func aProperFrameHasNoProblem() {
    for frame in SampleFrame.all { #expect(Packet(frame.bytes).problem == nil) }
    for frame in SampleFrame.malformed { #expect(Packet(frame.bytes).problem != nil) }
  }

  @Test func layersAndPortsAreKnown() {
    let packet = Packet(
      Wire.ipv4(17, Wire.udp(40000, 53, Wire.dns(Wire.name("a.b") + Wire.words(1, 1)))))
    #expect(packet.layers == [.ethernet, .ipv4, .udp, .dns])
    #expect(packet.sourcePort == 40000 && packet.destinationPort == 53)
    #expect(packet.sourceCard?.description == "52:54:00:12:34:56")
    let tagged = Packet(Wire.ethernet(0x0806, Wire.arp(1, Wire.guest, Wire.host), tags: [5]))
    #expect(tagged.layers == [.ethernet, .vlan, .arp] && tagged.vlan == 5)
    // Ports of a packet that is cut stand in its first part.
    let part = Packet(Wire.ipv4(6, Wire.tcp(7, 8, flags: 2), fragment: 0x2000))
    #expect(part.sourcePort == 7 && part.destinationPort == 8 && part.layers == [.ethernet, .ipv4])
  }

  /// Whom a packet is about, by any way to write an address.
  @Test func addressesAreFound() throws {
    for (frame, text) in [
      (Wire.ethernet(0x0806, Wire.arp(1, Wire.guest, Wire.host)), "10.0.2.2"),
      (Wire.ethernet(0x0806, Wire.arp(1, Wire.guest, Wire.host)), "52-54-0-12-34-56"),
      (Wire.ipv6(59, []), "FE80:0:0::15"),
      (
        Wire.ipv4(
          17, Wire.udp(67, 68, Wire.dhcp(2, yours: Wire.guest, options: [53, 1, 2])), from: Wire.host),
        "10.0.2.15"
      ),
    ] {
      let address = try #require(PacketAddress(parsing: text))
      #expect(Packet(frame).addresses.contains(address), "\(text)")
    }
    for text in ["", "10.0.2", "10.0.2.256", "::g", "1:2:3:4:5", "1:2:3:4:5:+6", "1:2:3:4:5:100", "twig"] {
      #expect(PacketAddress(parsing: text) == nil, "\(text)")
    }
  }

  /// Every part of a proper frame, and damaged ones, come to an end, and say that they are no more than they are.
  @Test(arguments: [UInt64.random(in: 0...UInt64.max)]) func nothingTraps(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    func check(_ bytes: [UInt8]) {
      let packet = Packet(bytes)
      #expect(packet.layers.first == .ethernet, "\(bytes)")
      #expect(packet.summary.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }, "\(bytes)")
      #expect(packet.summary.count < 500, "\(bytes)")
      #expect(packet.problem.map { packet.summary.hasSuffix(" [malformed: \($0)]") } ?? true, "\(bytes)")
    }
    for frame in SampleFrame.all + SampleFrame.malformed {
      for count in 0...frame.bytes.count { check(Array(frame.bytes.prefix(count))) }
      for _ in 0..<1000 {
        var bytes = frame.bytes
        for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
          bytes[Int.random(in: 0..<bytes.count, using: &generator)] = [
            0, 1, 0x7f, 0x80, 0xc0, 0xff, .random(in: 0...255, using: &generator),
          ].randomElement(using: &generator)!
        }
        check(bytes)
      }
    }
    for _ in 0..<20_000 {
      check(
        (0..<Int.random(in: 0...200, using: &generator)).map { _ in .random(in: 0...255, using: &generator) })
    }
  }

  /// The longest frames, made to be as much work as they can be.
  @Test func workIsBounded() {
    let count = 65_000
    let tags = (0..<count / 4).flatMap { _ in Wire.words(0x8100, 1) }
    let options = (0..<count / 8).flatMap { _ in [60, 0, 0, 0, 0, 0, 0, 0] as [UInt8] }
    // Eight names that begin at the last of many pointers, each of which leads to the one before, and the first to zeros.
    let (first, last) = (UInt16(60), UInt16(16_382))
    let chain = stride(from: first, through: last, by: 2).map { 0xc000 | ($0 == first ? 6 : $0 - 2) }
    let questions =
      Wire.words(0xbeef, 0x0100, 0xffff, 0, 0, 0)
      + (0..<8).flatMap { _ in Wire.words(0xc000 | last, 1, 1) } + chain.flatMap { Wire.words($0) }
    let clock = ContinuousClock()
    for frame in [
      Wire.hostCard + Wire.guestCard + tags, Wire.ipv6(60, options),
      Wire.ipv4(17, Wire.udp(40000, 53, questions)),
      Wire.ipv4(6, Wire.tcp(1, 2, flags: 0x10, [UInt8](repeating: 0x41, count: count))),
    ] {
      let took = clock.measure { _ = Packet(frame) }
      #expect(took < .milliseconds(100))
    }
  }
}
