// SPDX-License-Identifier: Apache-2.0

import HostSystem
import Networking

/// The properties of `--netdev user`.
extension UserNetworkOptions {
  init(_ properties: [(key: String, value: String)], option: String) throws(Failure) {
    self.init()
    func refuse(_ problem: String, _ remedy: String) -> Failure {
      Failure(.usage, option, problem, remedy: remedy)
    }
    func address(_ key: String, _ value: String) throws(Failure) -> IPv4Address {
      guard let address = IPv4Address(parsing: value) else {
        throw refuse("\(key) is no IPv4 address: '\(value)'", "give one such as 10.0.2.2")
      }
      return address
    }
    func flag(_ key: String, _ value: String) throws(Failure) -> Bool {
      switch value {
      case "on", "yes", "y": return true
      case "off", "no", "n": return false
      default: throw refuse("\(key) is on or off, not '\(value)'", "write \(key)=on")
      }
    }
    for (key, value) in properties {
      switch key {
      case "net": try setNetwork(value, refuse)
      case "host": host = try address(key, value)
      case "dhcpstart": dhcpStart = try address(key, value)
      case "dns": nameServer = try address(key, value)
      case "restrict": isRestricted = try flag(key, value)
      case "host-loopback": reachesHostLoopback = try flag(key, value)
      case "ipv4": hasIPv4 = try flag(key, value)
      case "ipv6": hasIPv6 = try flag(key, value)
      case "hostname": hostName = value
      case "domainname": domainName = value
      case "dnssearch": searchDomains.append(value)
      case "tftp":
        guard HostFiles.kind(of: value) == .folder else {
          throw refuse("tftp=\(value) is no folder", "name one that is there")
        }
        tftpFolder = HostFiles.absolute(value)
      case "bootfile": bootFile = value
      case "hostfwd":
        guard let forward = HostForward(parsing: value) else {
          throw refuse(
            "hostfwd=\(value) is no forwarding",
            "write hostfwd=tcp:[HOST-ADDRESS]:PORT-[GUEST-ADDRESS]:PORT, with ports of 1 to 65535")
        }
        hostForwards.append(forward)
      case "guestfwd":
        guard let forward = GuestForward(parsing: value) else {
          throw refuse(
            "guestfwd=\(value) is no forwarding",
            "write guestfwd=tcp:ADDRESS:PORT-cmd:COMMAND or guestfwd=tcp:ADDRESS:PORT-unix:SOCKET")
        }
        guestForwards.append(forward)
      default:
        throw refuse("'\(key)' is not an option of a user network", "see docs/network.md")
      }
    }
    for (key, address) in [("host", host), ("dhcpstart", dhcpStart)] {
      guard let address, !contains(address) else { continue }
      throw refuse("\(key)=\(address) is not in the network", "give an address of \(self.address(0))")
    }
    for address in hostForwards.compactMap(\.guestAddress) + guestForwards.map(\.address)
    where !contains(address) {
      throw refuse("\(address) is not in the network", "give an address of \(self.address(0))")
    }
    if let nameServer, nameServer == (host ?? self.address(2)) {
      throw refuse("dns=\(nameServer) is the host itself", "give another address")
    }
  }

  /// `ADDRESS`, `ADDRESS/BITS` or `ADDRESS/MASK`.
  private mutating func setNetwork(
    _ text: String, _ refuse: (String, String) -> Failure
  ) throws(Failure) {
    let parts = text.split(separator: "/", maxSplits: 1).map(String.init)
    guard let first = parts.first, let address = IPv4Address(parsing: first) else {
      throw refuse("net is no network: '\(text)'", "give one such as 10.0.2.0/24")
    }
    network = address
    guard parts.count == 2 else { return }
    if let bits = UInt32(parts[1]), (8...29).contains(bits) {
      mask = IPv4Address(UInt32.max << (32 - bits))
    } else if let given = IPv4Address(parsing: parts[1]),
      (3...24).contains(given.value.trailingZeroBitCount), (~given.value &+ 1).nonzeroBitCount == 1
    {
      mask = given
    } else {
      throw refuse("net has no mask of 8 to 29 bits: '\(text)'", "give one such as 10.0.2.0/24")
    }
  }
}

extension UserNetworkOptions.HostForward {
  /// `[tcp|udp]:[HOST-ADDRESS]:PORT-[GUEST-ADDRESS]:PORT`.
  init?(parsing text: String) {
    let sides = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    guard sides.count == 2 else { return nil }
    let host = sides[0].split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    let guest = sides[1].split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard host.count == 3, guest.count == 2,
      let transport = UserNetworkOptions.Transport(rawValue: host[0].isEmpty ? "tcp" : host[0]),
      let hostPort = UInt16(host[2]), let guestPort = UInt16(guest[1]), hostPort > 0, guestPort > 0
    else { return nil }
    self.init(hostPort: hostPort, guestPort: guestPort)
    self.transport = transport
    if !host[1].isEmpty {
      guard let address = IPv4Address(parsing: host[1]) else { return nil }
      hostAddress = address
    }
    if !guest[0].isEmpty {
      guard let address = IPv4Address(parsing: guest[0]) else { return nil }
      guestAddress = address
    }
  }
}

extension UserNetworkOptions.GuestForward {
  /// `tcp:ADDRESS:PORT-cmd:COMMAND` or `tcp:ADDRESS:PORT-unix:SOCKET`.
  init?(parsing text: String) {
    let sides = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard sides.count == 2 else { return nil }
    let place = sides[0].split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard place.count == 3, place[0].isEmpty || place[0] == "tcp",
      let address = IPv4Address(parsing: place[1]),
      let port = UInt16(place[2]), port > 0
    else { return nil }
    let target = sides[1].split(separator: ":", maxSplits: 1).map(String.init)
    guard target.count == 2, !target[1].isEmpty else { return nil }
    switch target[0] {
    case "cmd": self.init(address: address, port: port, target: .command(target[1]))
    case "unix": self.init(address: address, port: port, target: .socket(HostFiles.absolute(target[1])))
    default: return nil
    }
  }
}
