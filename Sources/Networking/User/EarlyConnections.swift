// SPDX-License-Identifier: Apache-2.0

/// Connections that the host opens to a guest that is not up yet, or whose daemon is not.
///
/// libslirp accepts them, and asks for the guest's address 0, 6, 18, 30 ... seconds later, or has the connection refused by a guest that
/// is up before its daemon is. So a first `ssh` fails, or is answered many seconds late. Here the wire helps: it answers for a guest
/// that has not said anything yet, offers a connection again twice a second, and keeps refusals of a guest that has just begun.
///
/// It does no I/O and looks at no clock.
package struct EarlyConnections {
  /// Guest nanoseconds between two offers.
  package static let interval: UInt64 = 500_000_000
  /// For how long a connection is offered: libslirp waits no longer.
  private static let patience: UInt64 = 75_000_000_000
  /// For how long a guest that has shown up may refuse what its daemons are still to take.
  private static let youth: UInt64 = 30_000_000_000
  /// Connections at most; more are libslirp's alone.
  private static let limit = 64

  private struct Offer {
    var frame: [UInt8]
    var first: UInt64
    var next: UInt64
  }

  /// Of the guest's card.
  private let address: [UInt8]
  /// By the ports and addresses that tell a connection.
  private var offers: [[UInt8]: Offer] = [:]
  /// When the guest has sent its first frame.
  private var seen: UInt64?

  package init(address: [UInt8]) { self.address = address }

  /// A frame of the network's for the guest. Answers what the network is told at once instead of the guest.
  package mutating func fromNetwork(_ frame: [UInt8], at now: UInt64) -> [UInt8]? {
    if let key = Self.connection(frame, reversed: false), Self.flags(of: frame) == Flag.syn {
      if offers[key] != nil || offers.count < Self.limit {
        offers[key] = Offer(frame: frame, first: offers[key]?.first ?? now, next: now + Self.interval)
      }
    }
    return seen == nil ? answer(toRequest: frame) : nil
  }

  /// A frame of the guest's. False: the network is not to hear of it.
  package mutating func fromGuest(_ frame: [UInt8], at now: UInt64) -> Bool {
    let seen = seen ?? now
    self.seen = seen
    guard let key = Self.connection(frame, reversed: true), offers[key] != nil else { return true }
    let isRefusal = Self.flags(of: frame) & Flag.reset != 0
    if isRefusal, now - min(seen, now) < Self.youth { return false }
    offers[key] = nil
    return true
  }

  /// What the guest is to be offered again now.
  package mutating func due(at now: UInt64) -> [[UInt8]] {
    for (key, offer) in offers where now - min(offer.first, now) > Self.patience { offers[key] = nil }
    let keys = offers.filter { $0.value.next <= now }.map(\.key).sorted { $0.lexicographicallyPrecedes($1) }
    for key in keys { offers[key]?.next = now + Self.interval }
    return keys.compactMap { offers[$0]?.frame }
  }

  /// Guest nanoseconds until something is due; nil: nothing is.
  package func wait(at now: UInt64) -> UInt64? {
    offers.values.map(\.next).min().map { $0 > now ? $0 - now : 0 }
  }

  // MARK: Frames

  private enum Flag {
    static let syn: UInt8 = 2
    static let reset: UInt8 = 4
  }

  private static let headerSize = 14

  /// Addresses and ports of TCP over IPv4, as the network sends them; nil for everything else.
  private static func connection(_ frame: [UInt8], reversed: Bool) -> [UInt8]? {
    guard let tcp = startOfTCP(frame) else { return nil }
    let (source, destination) = (frame[26..<30], frame[30..<34])
    let (from, to) = (frame[tcp..<tcp + 2], frame[tcp + 2..<tcp + 4])
    return reversed ? Array(destination + to + source + from) : Array(source + from + destination + to)
  }

  private static func startOfTCP(_ frame: [UInt8]) -> Int? {
    guard frame.count >= headerSize + 40, frame[12] == 8, frame[13] == 0, frame[14] >> 4 == 4, frame[23] == 6,
      // No fragment.
      frame[20] & 0x3f == 0, frame[21] == 0
    else { return nil }
    let start = headerSize + Int(frame[14] & 15) * 4
    return start >= headerSize + 20 && frame.count >= start + 20 ? start : nil
  }

  /// Of those that open, answer, end and refuse.
  private static func flags(of frame: [UInt8]) -> UInt8 {
    startOfTCP(frame).map { frame[$0 + 13] & 0x17 } ?? 0
  }

  /// The answer to the question who has an IPv4 address: the guest's card (RFC 826).
  private func answer(toRequest frame: [UInt8]) -> [UInt8]? {
    guard frame.count >= Self.headerSize + 28, frame[12] == 8, frame[13] == 6,
      Array(frame[14..<22]) == [0, 1, 8, 0, 6, 4, 0, 1], frame[28..<32] != frame[38..<42]
    else { return nil }
    let (asker, askerAddress, asked) = (frame[22..<28], frame[28..<32], frame[38..<42])
    return Array(asker) + address + [8, 6, 0, 1, 8, 0, 6, 4, 0, 2] + address + asked + asker + askerAddress
  }
}
