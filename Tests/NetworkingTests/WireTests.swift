// SPDX-License-Identifier: Apache-2.0

import HostSystem
import Networking
import Synchronization
import TestSupport
import Testing

/// Wires that lose and delay, and links to others of our own.
@Suite struct WireTests {
  @Test func choicesFollowFromTheSeed() {
    var faults = WireFaults()
    faults.loss = 0.1
    faults.delay = 5_000_000
    faults.jitter = 1_000_000
    faults.reorder = 0.25
    faults.seed = 7
    func draw(_ faults: WireFaults) -> [UInt64?] {
      var choices = FaultChoices(faults)
      return (0..<10_000).map { _ in choices.next() }
    }
    let first = draw(faults)
    #expect(first == draw(faults))
    let lost = first.count { $0 == nil }
    let passing = first.count { $0 == 0 }
    #expect((900...1_100).contains(lost) && (2_100...2_400).contains(passing))
    #expect(first.allSatisfy { $0.map { $0 == 0 || (4_000_000...6_000_000).contains($0) } ?? true })
    faults.seed = 8
    #expect(first != draw(faults))
    faults.loss = 0
    #expect(!draw(faults).contains(nil))
  }

  /// What one end sends, the other gets.
  private final class Mailbox: Sendable {
    private let frames = Mutex<[[UInt8]]>([])
    func put(_ frame: [UInt8]) { frames.withLock { $0.append(frame) } }
    var all: [[UInt8]] { frames.withLock { $0 } }
  }

  private func frame(_ byte: UInt8, count: Int = 60) -> [UInt8] { [UInt8](repeating: byte, count: count) }

  private func exchange(_ one: any NetworkBackend, _ other: any NetworkBackend) throws {
    let (mine, theirs) = (Mailbox(), Mailbox())
    one.start { mine.put($0) }
    other.start { theirs.put($0) }
    // What is sent before the two have found each other is lost.
    try waitUntil("the two ends find each other") {
      one.send(frame(1))
      return !theirs.all.isEmpty
    }
    for size in [14, 1514, 9000, 32_768] { other.send(frame(2, count: size)) }
    try waitUntil("all frames are there") { mine.all.count == 4 }
    #expect(mine.all.map(\.count) == [14, 1514, 9000, 32_768] && theirs.all.allSatisfy { $0 == frame(1) })
  }

  @Test func aStreamCarriesFramesBothWays() throws {
    let folder = TestFolder()
    let path = LinkAddress.path(folder.file("link"))
    let client = try StreamLink(path, isServer: false)
    let server = try StreamLink(path, isServer: true)
    try exchange(client, server)
    client.finish()
    // The next client is served when the first has gone.
    let second = try StreamLink(path, isServer: false)
    let mailbox = Mailbox()
    second.start { mailbox.put($0) }
    try waitUntil("the second client is served") {
      server.send(frame(9))
      return mailbox.all.last == frame(9)
    }
    second.finish()
    server.finish()
    #expect(folder.names.isEmpty, "the socket goes with its server")
  }

  @Test func datagramsCarryFramesBothWays() throws {
    let folder = TestFolder()
    let (a, b) = (LinkAddress.path(folder.file("a")), LinkAddress.path(folder.file("b")))
    let one = try DatagramLink(local: a, remote: b)
    let other = try DatagramLink(local: b, remote: a)
    try exchange(one, other)
    one.finish()
    other.finish()
    #expect(folder.names.isEmpty)
  }

  /// Only a socket that nobody listens at any more is taken away.
  @Test func whatStandsThereStays() throws {
    let folder = TestFolder()
    let path = folder.file("file")
    _ = try folder.write("file", [1, 2, 3])
    #expect(throws: Failure.self) { try StreamLink(.path(path), isServer: true) }
    #expect(try readFile(path) == [1, 2, 3])
    let used = LinkAddress.path(folder.file("used"))
    let server = try StreamLink(used, isServer: true)
    #expect(throws: Failure.self) { try StreamLink(used, isServer: true) }
    server.finish()
  }

  @Test func aFaultyWireDelaysByTheGuestsClock() throws {
    let folder = TestFolder()
    let (a, b) = (LinkAddress.path(folder.file("a")), LinkAddress.path(folder.file("b")))
    let clock = GuestClock()
    var faults = WireFaults()
    faults.delay = 1_000_000
    let wire = FaultyWire(try DatagramLink(local: a, remote: b), faults: faults, clock: clock)
    let end = try DatagramLink(local: b, remote: a)
    let mailbox = Mailbox()
    end.start { mailbox.put($0) }
    wire.start { _ in }
    wire.send(frame(1))
    #expect(wire.isBusy)
    clock.stand(at: 999_999)
    wire.send(frame(2))
    #expect(mailbox.all.isEmpty)
    clock.stand(at: 1_000_000)
    try waitUntil("the first has arrived") { mailbox.all == [frame(1)] }
    clock.stand(at: 5_000_000)
    try waitUntil("the second has arrived") { mailbox.all == [frame(1), frame(2)] }
    wire.finish()
    end.finish()
  }

  @Test func theGuestsClockGoesOnWhileItIdles() throws {
    let clock = GuestClock()
    clock.stand(at: 100)
    #expect(clock.now == 100)
    clock.idle(from: 100, until: 1_000)
    try waitUntil("the deadline is reached") { clock.now == 1_000 }
    clock.stand(at: 500)
    #expect(clock.now == 500)
  }
}
