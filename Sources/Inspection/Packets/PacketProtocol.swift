// SPDX-License-Identifier: Apache-2.0

/// The protocols that are told apart, by the names that people and files use.
public enum PacketProtocol: String, Sendable, CaseIterable {
  case ethernet = "Ethernet"
  /// A tag of IEEE 802.1Q, or of 802.1ad around one.
  case vlan = "VLAN"
  /// A frame with a length in place of a type: IEEE 802.2.
  case llc = "LLC"
  case arp = "ARP"
  case rarp = "RARP"
  case lldp = "LLDP"
  case eapol = "EAPOL"
  case ipv4 = "IPv4"
  case ipv6 = "IPv6"
  case icmp = "ICMP"
  case icmpv6 = "ICMPv6"
  case igmp = "IGMP"
  case tcp = "TCP"
  case udp = "UDP"
  case bootp = "BOOTP"
  case dhcp = "DHCP"
  case dhcpv6 = "DHCPv6"
  case dns = "DNS"
  case mdns = "mDNS"
  case llmnr = "LLMNR"
  case ntp = "NTP"
  case tftp = "TFTP"
  case http = "HTTP"
  case ssh = "SSH"
  case tls = "TLS"

  /// Whatever the case of its letters.
  public init?(name: String) {
    guard let known = Self.allCases.first(where: { $0.rawValue.lowercased() == name.lowercased() }) else {
      return nil
    }
    self = known
  }
}
