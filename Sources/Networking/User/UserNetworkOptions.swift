// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// An IPv4 address.
public struct IPv4Address: Equatable, Sendable, CustomStringConvertible {
  /// The first part in the highest bits.
  public var value: UInt32

  public init(_ value: UInt32) { self.value = value }

  /// Four numbers with dots between them.
  public init?(parsing text: String) {
    var address = in_addr()
    guard inet_pton(AF_INET, text, &address) == 1 else { return nil }
    value = UInt32(bigEndian: address.s_addr)
  }

  var inNetworkOrder: in_addr { in_addr(s_addr: value.bigEndian) }

  public var description: String {
    [24, 16, 8, 0].map { String(value >> UInt32($0) & 0xff) }.joined(separator: ".")
  }
}

/// What the guest finds on a user network: a router that is the host to it, with DHCP, DNS and TFTP.
public struct UserNetworkOptions: Equatable, Sendable {
  public enum Transport: String, Sendable { case tcp, udp }

  /// A port of the host that leads to one of the guest.
  public struct HostForward: Equatable, Sendable {
    public var transport = Transport.tcp
    /// This machine alone unless another is given.
    public var hostAddress = IPv4Address(0x7f00_0001)
    public var hostPort: UInt16
    /// Nil: the first address that DHCP gives.
    public var guestAddress: IPv4Address?
    public var guestPort: UInt16

    package init(hostPort: UInt16, guestPort: UInt16) {
      self.hostPort = hostPort
      self.guestPort = guestPort
    }
  }

  /// A port of the network that leads to a program of the host.
  public struct GuestForward: Equatable, Sendable {
    public enum Target: Equatable, Sendable {
      /// A command, started for each connection.
      case command(String)
      /// A socket in the file system.
      case socket(String)
    }

    public var address: IPv4Address
    public var port: UInt16
    public var target: Target

    package init(address: IPv4Address, port: UInt16, target: Target) {
      self.address = address
      self.port = port
      self.target = target
    }
  }

  public var network = IPv4Address(0x0a00_0200)
  public var mask = IPv4Address(0xffff_ff00)
  /// These are nil for those that follow from the network.
  public var host: IPv4Address?
  public var dhcpStart: IPv4Address?
  public var nameServer: IPv4Address?
  /// The guest reaches nothing but what is forwarded.
  public var isRestricted = false
  /// The guest may reach what listens on the host's loopback, as 10.0.2.2.
  public var reachesHostLoopback = false
  public var hasIPv4 = true
  public var hasIPv6 = false
  /// What DHCP tells the guest that it is called.
  public var hostName: String?
  public var domainName: String?
  public var searchDomains: [String] = []
  public var tftpFolder: String?
  public var bootFile: String?
  public var hostForwards: [HostForward] = []
  public var guestForwards: [GuestForward] = []

  public init() {}

  package func contains(_ address: IPv4Address) -> Bool { (address.value ^ network.value) & mask.value == 0 }

  /// Address number `offset` of the network.
  package func address(_ offset: UInt32) -> IPv4Address { IPv4Address(network.value & mask.value | offset) }
}
