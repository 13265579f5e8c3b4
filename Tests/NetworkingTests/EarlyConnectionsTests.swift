// SPDX-License-Identifier: Apache-2.0

import Networking
import TestSupport
import Testing

@Suite struct EarlyConnectionsTests {
  private static let second: UInt64 = 1_000_000_000
  private let card: [UInt8] = [0x52, 0x54, 0, 0x12, 0x34, 0x56]
  private let router: [UInt8] = [0x52, 0x55, 10, 0, 2, 2]

  private func tcp(flags: UInt8, fromGuest: Bool, port: UInt8 = 22) -> [UInt8] {
    let (host, guest): ([UInt8], [UInt8]) = ([10, 0, 2, 2], [10, 0, 2, 15])
    let (hostPort, guestPort): ([UInt8], [UInt8]) = ([0xc0, 1], [0, port])
    return (fromGuest ? router + card : card + router) + [8, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0]
      + (fromGuest ? guest + host + guestPort + hostPort : host + guest + hostPort + guestPort)
      + [0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 1, 0, 0, 0, 0, 0]
  }

  /// Holds one, so that what it answers can be expected.
  private final class Wire {
    private var early: EarlyConnections
    init(_ address: [UInt8]) { early = EarlyConnections(address: address) }
    func fromNetwork(_ frame: [UInt8], at now: UInt64) -> [UInt8]? { early.fromNetwork(frame, at: now) }
    func fromGuest(_ frame: [UInt8], at now: UInt64) -> Bool { early.fromGuest(frame, at: now) }
    func due(at now: UInt64) -> [[UInt8]] { early.due(at: now) }
    func wait(at now: UInt64) -> UInt64? { early.wait(at: now) }
  }

  /// A daemon that comes up 8 seconds in is offered the connection within half a second.
  @Test func aConnectionIsOfferedUntilItIsTaken() {
    let early = Wire(card)
    let syn = tcp(flags: 2, fromGuest: false)
    let first = early.fromNetwork(syn, at: 0)
    #expect(first == nil)
    var offers = 0
    for step in 1...80 as ClosedRange<UInt64> {
      let now = step * Self.second / 10
      for frame in early.due(at: now) {
        offers += 1
        #expect(frame == syn)
        // The guest is up after three seconds, and refuses.
        if now > 3 * Self.second { #expect(!early.fromGuest(tcp(flags: 0x14, fromGuest: true), at: now)) }
      }
    }
    #expect((15...16).contains(offers))
    #expect(early.wait(at: 8 * Self.second).map { $0 <= EarlyConnections.interval } == true)
    #expect(early.fromGuest(tcp(flags: 0x12, fromGuest: true), at: 8 * Self.second), "it is taken")
    #expect(early.due(at: 100 * Self.second).isEmpty && early.wait(at: 100 * Self.second) == nil)
    #expect(
      early.fromGuest(tcp(flags: 0x14, fromGuest: true), at: 9 * Self.second), "what is open may be reset")
  }

  @Test func aGuestThatHasBeenUpMayRefuse() {
    let early = Wire(card)
    #expect(early.fromGuest(tcp(flags: 0x10, fromGuest: true, port: 9), at: 0))
    _ = early.fromNetwork(tcp(flags: 2, fromGuest: false), at: 40 * Self.second)
    #expect(early.fromGuest(tcp(flags: 0x14, fromGuest: true), at: 41 * Self.second))
    #expect(early.due(at: 50 * Self.second).isEmpty)
  }

  @Test func nothingIsOfferedForEver() {
    let early = Wire(card)
    _ = early.fromNetwork(tcp(flags: 2, fromGuest: false), at: 0)
    #expect(early.due(at: 74 * Self.second).count == 1)
    #expect(early.due(at: 76 * Self.second).isEmpty && early.wait(at: 76 * Self.second) == nil)
    for port in 0..<200 as Range<UInt8> {
      _ = early.fromNetwork(tcp(flags: 2, fromGuest: false, port: port), at: 0)
    }
    #expect(early.due(at: Self.second).count == 64)
  }

  /// Until the guest says something, the wire says where it is.
  @Test func theCardIsKnownBeforeTheGuestIsUp() {
    let early = Wire(card)
    let request =
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] + router + [8, 6, 0, 1, 8, 0, 6, 4, 0, 1] + router + [10, 0, 2, 2]
      + [0, 0, 0, 0, 0, 0, 10, 0, 2, 15]
    let answer = early.fromNetwork(request, at: 0)
    #expect(
      answer == router + card + [8, 6, 0, 1, 8, 0, 6, 4, 0, 2] + card + [10, 0, 2, 15] + router + [
        10, 0, 2, 2,
      ])
    #expect(early.fromGuest(request, at: 1))
    #expect(early.fromNetwork(request, at: 2) == nil, "it answers itself now")
  }

  @Test func anyBytesPass() {
    var random = SeededGenerator(seed: 3)
    let early = Wire(card)
    for step in 0..<20_000 as Range<UInt64> {
      var frame = tcp(flags: UInt8(truncatingIfNeeded: random.next()), fromGuest: Bool.random(using: &random))
      for _ in 0..<3 {
        frame[Int.random(in: 0..<frame.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      frame = Array(frame.prefix(Int.random(in: 0...frame.count, using: &random)))
      _ = early.fromNetwork(frame, at: step * 1_000_000)
      _ = early.fromGuest(frame, at: step * 1_000_000)
      _ = early.due(at: step * 1_000_000)
    }
  }
}
