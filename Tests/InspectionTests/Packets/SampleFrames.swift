// SPDX-License-Identifier: Apache-2.0

import Testing

/// A frame, and what is to be told of it.
struct SampleFrame: Sendable, CustomTestStringConvertible {
  let bytes: [UInt8]
  let name: String
  let source: String
  let destination: String
  let summary: String
  /// What tshark's column for the protocol has, where that is another word by intent.
  var foreignName: String?

  init(
    _ bytes: [UInt8], _ name: String, _ source: String, _ destination: String, _ summary: String,
    foreignName: String? = nil
  ) {
    self.bytes = bytes
    self.name = name
    self.source = source
    self.destination = destination
    self.summary = summary
    self.foreignName = foreignName
  }

  /// From the guest to its host.
  init(_ bytes: [UInt8], _ name: String, _ summary: String, foreignName: String? = nil) {
    self.init(bytes, name, "10.0.2.15", "10.0.2.2", summary, foreignName: foreignName)
  }

  var testDescription: String { "\(name) \(summary)" }

  static let all = link + network + control + streams + names + addresses + services

  private static let cards = ("52:54:00:12:34:56", "52:55:0a:00:02:02")

  private static let link: [SampleFrame] = [
    SampleFrame(
      Wire.ethernet(0x0806, Wire.arp(1, Wire.guest, Wire.host), to: Wire.everyone), "ARP", cards.0,
      "ff:ff:ff:ff:ff:ff", "who has 10.0.2.2? tell 10.0.2.15"),
    SampleFrame(
      Wire.ethernet(0x0806, Wire.arp(2, Wire.guest, Wire.host, card: Wire.hostCard)), "ARP", cards.0, cards.1,
      "10.0.2.15 is at 52:54:00:12:34:56"),
    SampleFrame(
      Wire.ethernet(0x0806, Wire.arp(1, Wire.guest, Wire.guest), to: Wire.everyone), "ARP", cards.0,
      "ff:ff:ff:ff:ff:ff", "announces that 10.0.2.15 is at 52:54:00:12:34:56"),
    SampleFrame(
      Wire.ethernet(
        0x8035, Wire.arp(3, [0, 0, 0, 0], [0, 0, 0, 0], card: Wire.guestCard), to: Wire.everyone),
      "RARP", cards.0, "ff:ff:ff:ff:ff:ff",
      "which address has 52:54:00:12:34:56? tell 52:54:00:12:34:56"),
    SampleFrame(
      Wire.ethernet(0x0806, Wire.arp(1, Wire.guest, Wire.host), tags: [5, 0x2007]), "ARP", cards.0, cards.1,
      "VLAN 5: who has 10.0.2.2? tell 10.0.2.15"),
    SampleFrame(
      Wire.ethernet(38, [0x42, 0x42, 3] + [UInt8](repeating: 0, count: 43)), "LLC", cards.0, cards.1,
      "46 bytes",
      foreignName: "STP"),
    SampleFrame(
      Wire.ethernet(0x88b5, [1, 2, 3]), "Ethernet", cards.0, cards.1, "type 0x88b5, 3 bytes",
      foreignName: "0x88b5"),
    SampleFrame(
      Wire.ethernet(0x88cc, [2, 7, 4] + Wire.guestCard + [4, 2, 7, 0x31, 6, 2, 0, 120, 0, 0]), "LLDP",
      cards.0, cards.1, "19 bytes"),
    SampleFrame(Wire.ethernet(0x888e, [1, 1, 0, 0]), "EAPOL", cards.0, cards.1, "4 bytes"),
  ]

  private static let network: [SampleFrame] = [
    SampleFrame(Wire.ipv4(253, [1, 2, 3]), "IPv4", "protocol 253, 3 bytes"),
    SampleFrame(
      Wire.ipv4(17, Wire.udp(4000, 5000, [1, 2, 3]), options: [7, 3, 4, 1]), "UDP", "4000 > 5000 Len=3"),
    // What is behind the packet fills the frame up.
    SampleFrame(
      Wire.ipv4(17, Wire.udp(4000, 5000, [1, 2, 3])) + [UInt8](repeating: 0, count: 15), "UDP",
      "4000 > 5000 Len=3"),
    SampleFrame(
      Wire.ipv4(17, Wire.udp(4000, 5001, [UInt8](repeating: 1, count: 16), length: 3000), fragment: 0x2000),
      "IPv4", "fragment of UDP, id 0x1234, 24 bytes at 0", foreignName: "UDP"),
    SampleFrame(
      Wire.ipv4(17, [UInt8](repeating: 1, count: 16), fragment: 185), "IPv4",
      "fragment of UDP, id 0x1234, 16 bytes at 1480, the last one"),
    SampleFrame(
      Wire.ipv6(0, [17, 0, 5, 2, 0, 0, 1, 0] + Wire.udp(4000, 5000, [1])), "UDP", "fe80::15", "fe80::2",
      "4000 > 5000 Len=1"),
    SampleFrame(
      Wire.ipv6(60, [44, 0, 1, 4, 0, 0, 0, 0] + [17, 0, 0, 0, 0, 0, 0, 9] + Wire.udp(4000, 5000, [1])), "UDP",
      "fe80::15", "fe80::2", "4000 > 5000 Len=1"),
    SampleFrame(
      Wire.ipv6(44, [17, 0, 0, 0xb9, 0, 0, 0, 9] + [UInt8](repeating: 1, count: 16)), "IPv6", "fe80::15",
      "fe80::2", "fragment of UDP, id 0x9, 16 bytes at 184"),
    SampleFrame(Wire.ipv6(59, []), "IPv6", "fe80::15", "fe80::2", "nothing within"),
  ]

  private static let control: [SampleFrame] = [
    SampleFrame(
      Wire.ipv4(1, [8, 0, 0, 0] + Wire.words(0x99, 7) + [1, 2, 3]), "ICMP", "echo request id=0x0099, seq=7"),
    SampleFrame(Wire.ipv4(1, [0, 0, 0, 0] + Wire.words(0x99, 7)), "ICMP", "echo reply id=0x0099, seq=7"),
    SampleFrame(
      Wire.ipv4(1, [3, 3, 0, 0, 0, 0, 0, 0] + Wire.ipv4(17, Wire.udp(1, 2, [])).dropFirst(14)), "ICMP",
      "destination unreachable: port"),
    SampleFrame(
      Wire.ipv4(1, [3, 4, 0, 0] + Wire.words(0, 1400) + Wire.ipv4(17, Wire.udp(1, 2, [])).dropFirst(14)),
      "ICMP",
      "destination unreachable: it had to be cut and must not be, MTU 1400"),
    SampleFrame(
      Wire.ipv4(1, [11, 0, 0, 0, 0, 0, 0, 0] + Wire.ipv4(17, Wire.udp(1, 2, [])).dropFirst(14)), "ICMP",
      "time exceeded on the way"),
    SampleFrame(
      Wire.ipv4(2, [0x16, 0, 0, 0, 224, 0, 0, 251]), "IGMP", "version 2 membership report for 224.0.0.251",
      foreignName: "IGMPv2"),
    SampleFrame(
      Wire.ipv6(58, [128, 0, 0, 0] + Wire.words(0x99, 7)), "ICMPv6", "fe80::15", "fe80::2",
      "echo request id=0x0099, seq=7"),
    SampleFrame(
      Wire.ipv6(58, [133, 0, 0, 0, 0, 0, 0, 0, 1, 1] + Wire.guestCard), "ICMPv6", "fe80::15", "fe80::2",
      "router solicitation from 52:54:00:12:34:56"),
    SampleFrame(
      Wire.ipv6(
        58,
        [134, 0, 0, 0, 64, 0] + Wire.words(1800, 0, 0, 0, 0) + [5, 1, 0, 0] + Wire.words(0, 1500)
          + [1, 1] + Wire.hostCard), "ICMPv6", "fe80::15", "fe80::2",
      "router advertisement from 52:55:0a:00:02:02"),
    SampleFrame(
      Wire.ipv6(58, [135, 0, 0, 0, 0, 0, 0, 0] + Wire.host6 + [1, 1] + Wire.guestCard), "ICMPv6", "fe80::15",
      "fe80::2", "neighbor solicitation for fe80::2 from 52:54:00:12:34:56"),
    SampleFrame(
      Wire.ipv6(58, [136, 0, 0, 0, 0xe0, 0, 0, 0] + Wire.host6 + [2, 1] + Wire.hostCard), "ICMPv6",
      "fe80::15", "fe80::2",
      "neighbor advertisement fe80::2 (router, solicited, override) is at 52:55:0a:00:02:02"),
    SampleFrame(
      Wire.ipv6(58, [143, 0, 0, 0, 0, 0, 0, 0]), "ICMPv6", "fe80::15", "fe80::2",
      "version 2 multicast listener report"),
    SampleFrame(
      Wire.ipv6(58, [2, 0, 0, 0] + Wire.words(0, 1280) + Wire.ipv6(59, []).dropFirst(14)), "ICMPv6",
      "fe80::15", "fe80::2", "packet too big, MTU 1280"),
  ]

  private static let streams: [SampleFrame] = [
    SampleFrame(
      Wire.ipv4(
        6,
        Wire.tcp(49152, 80, flags: 2, options: [2, 4, 5, 180, 4, 2, 1, 3, 3, 7, 0, 0])), "TCP",
      "49152 > 80 [SYN] Seq=1000 Win=64240 Len=0 MSS=1460 SACK_PERM WS=128"),
    SampleFrame(
      Wire.ipv4(6, Wire.tcp(49152, 81, flags: 0x18, [1, 2, 3])), "TCP",
      "49152 > 81 [PSH, ACK] Seq=1000 Ack=2000 Win=64240 Len=3"),
    SampleFrame(
      Wire.ipv6(6, Wire.tcp(49152, 80, flags: 0xd5)), "TCP", "fe80::15", "fe80::2",
      "49152 > 80 [FIN, RST, ACK, ECE, CWR] Seq=1000 Ack=2000 Win=64240 Len=0"),
    SampleFrame(
      Wire.ipv4(6, Wire.tcp(49152, 80, flags: 0x18, Array("GET /\u{1b}x HTTP/1.1\r\nHost: x\r\n\r\n".utf8))),
      "HTTP",
      "GET /\\ex HTTP/1.1"),
    SampleFrame(
      Wire.ipv4(6, Wire.tcp(80, 49152, flags: 0x18, Array("HTTP/1.0 404 Not Found\r\n\r\n".utf8))), "HTTP",
      "HTTP/1.0 404 Not Found"),
    SampleFrame(
      Wire.ipv4(6, Wire.tcp(49152, 22, flags: 0x18, Array("SSH-2.0-twig\r\n".utf8))), "SSH", "SSH-2.0-twig"),
    SampleFrame(
      Wire.ipv4(
        6,
        Wire.tcp(
          49152, 443, flags: 0x18,
          [22, 3, 1, 0, 42, 1, 0, 0, 38, 3, 3] + [UInt8](repeating: 7, count: 32) + [0, 0, 0, 0])), "TLS",
      "handshake: client hello",
      foreignName: "TLSv1"),
    SampleFrame(
      Wire.ipv4(6, Wire.tcp(443, 49152, flags: 0x18, [23, 3, 3, 0, 3, 1, 2, 3])), "TLS",
      "application data, 3 bytes", foreignName: "TLSv1.2"),
  ]

  private static let names: [SampleFrame] = [
    SampleFrame(
      Wire.ipv4(17, Wire.udp(40000, 53, Wire.dns(Wire.name("www.example.com") + Wire.words(1, 1)))), "DNS",
      "query 0xbeef A www.example.com"),
    SampleFrame(
      Wire.ipv4(
        17,
        Wire.udp(
          53, 40000,
          Wire.dns(
            flags: 0x8180, answers: 3,
            Wire.name("www.example.com") + Wire.words(255, 1)
              // "example.com" stands behind "www".
              + Wire.record(5, [1, 0x61, 0xc0, 0x10]) + Wire.record(1, [192, 0, 2, 7])
              + Wire.record(28, Wire.host6)))), "DNS",
      "query response 0xbeef ANY www.example.com: CNAME a.example.com, A 192.0.2.7, AAAA fe80::2"),
    SampleFrame(
      Wire.ipv4(
        17, Wire.udp(53, 40000, Wire.dns(flags: 0x8183, Wire.name("a.b") + Wire.words(15, 1)))), "DNS",
      "query response 0xbeef: no such name, MX a.b"),
    SampleFrame(
      Wire.ipv4(
        17,
        Wire.udp(
          53, 40000,
          Wire.dns(
            flags: 0x8180, answers: 3,
            Wire.name("a.b") + Wire.words(16, 1) + Wire.record(16, [3, 0x78, 0x22, 0x0a])
              + Wire.record(15, [0, 5, 0xc0, 0x0c]) + Wire.record(33, Wire.words(0, 0, 389, 0xc00e)))),
      ), "DNS",
      #"query response 0xbeef TXT a.b: TXT "x\"\n", MX a.b, SRV b:389"#),
    SampleFrame(
      Wire.ipv4(
        6,
        Wire.tcp(
          40000, 53, flags: 0x18,
          Wire.words(20) + Wire.dns(Wire.name("b") + Wire.words(48, 1) + [0]).prefix(20))), "DNS",
      "query 0xbeef DNSKEY b"),
    SampleFrame(
      Wire.ipv4(17, Wire.udp(5353, 5353, Wire.dns(flags: 0, Wire.name("twig.local") + Wire.words(28, 1)))),
      "mDNS", "query 0xbeef AAAA twig.local", foreignName: "MDNS"),
    SampleFrame(
      Wire.ipv4(17, Wire.udp(40000, 5355, Wire.dns(flags: 0, Wire.name("twig") + Wire.words(1, 1)))),
      "LLMNR", "query 0xbeef A twig"),
  ]

  private static let addresses: [SampleFrame] = [
    SampleFrame(
      Wire.ipv4(
        17, Wire.udp(68, 67, Wire.dhcp(1, options: [53, 1, 1, 12, 4] + Array("twig".utf8))),
        from: [0, 0, 0, 0], to: [255, 255, 255, 255]), "DHCP", "0.0.0.0", "255.255.255.255",
      "Discover from 52:54:00:12:34:56, host name \"twig\", transaction 0xdeadbeef"),
    SampleFrame(
      Wire.ipv4(
        17, Wire.udp(67, 68, Wire.dhcp(2, yours: Wire.guest, options: [53, 1, 2, 54, 4] + Wire.host)),
        from: Wire.host, to: [255, 255, 255, 255]), "DHCP", "10.0.2.2", "255.255.255.255",
      "Offer 10.0.2.15 to 52:54:00:12:34:56, server 10.0.2.2, transaction 0xdeadbeef"),
    SampleFrame(
      Wire.ipv4(
        17, Wire.udp(68, 67, Wire.dhcp(1, options: [53, 1, 3, 0, 50, 4] + Wire.guest))), "DHCP",
      "Request from 52:54:00:12:34:56, wants 10.0.2.15, transaction 0xdeadbeef"),
    SampleFrame(
      Wire.ipv4(17, Wire.udp(67, 68, Wire.dhcp(2, options: [53, 1, 6]))), "DHCP",
      "NAK to 52:54:00:12:34:56, transaction 0xdeadbeef"),
    SampleFrame(
      Wire.ipv4(17, Wire.udp(68, 67, Wire.dhcp(1, options: []))), "BOOTP",
      "request from 52:54:00:12:34:56, transaction 0xdeadbeef"),
    SampleFrame(
      Wire.ipv6(17, Wire.udp(546, 547, [1, 1, 2, 3])), "DHCPv6", "fe80::15", "fe80::2", "Solicit"),
  ]

  private static let services: [SampleFrame] = [
    SampleFrame(
      Wire.ipv4(17, Wire.udp(123, 123, [0x23] + [UInt8](repeating: 0, count: 47))), "NTP",
      "version 4, client"),
    SampleFrame(
      Wire.ipv4(17, Wire.udp(40000, 69, Wire.words(1) + Array("boot\0octet\0".utf8))), "TFTP", "read boot"),
    SampleFrame(Wire.ipv4(17, Wire.udp(40000, 69, Wire.words(4, 9))), "TFTP", "acknowledges block 9"),
    SampleFrame(
      Wire.ipv4(17, Wire.udp(69, 40000, Wire.words(3, 9, 1))), "TFTP", "data block 9, 2 bytes"),
    SampleFrame(
      Wire.ipv4(17, Wire.udp(69, 40000, Wire.words(5, 1) + Array("gone\0".utf8))), "TFTP", "error 1: gone"),
    // Not what its port stands for.
    SampleFrame(
      Wire.ipv4(17, Wire.udp(40001, 123, [0x23, 1])), "UDP", "40001 > 123 Len=2", foreignName: "NTP"),
  ]

  /// What is wrong with them is told, and by what name they go is what the layer around says.
  static let malformed: [SampleFrame] = [
    SampleFrame(
      Wire.ipv4(17, Wire.udp(68, 67, [1, 2, 3])), "BOOTP", "3 bytes [malformed: it ends within its BOOTP]"),
    SampleFrame([1, 2, 3], "Ethernet", "", "", "3 bytes [malformed: it ends within its Ethernet]"),
    SampleFrame(
      Array(Wire.ethernet(0x0806, Wire.arp(1, Wire.guest, Wire.host)).prefix(30)), "ARP", cards.0, cards.1,
      "16 bytes [malformed: it ends within its ARP]"),
    SampleFrame(
      Wire.ethernet(0x0800, [0x65, 0, 0, 20]), "IPv4", cards.0, cards.1,
      "4 bytes [malformed: its IPv4 says that it is of version 6]"),
    SampleFrame(
      Wire.ethernet(0x0800, [0x44, 0, 0, 20]), "IPv4", cards.0, cards.1,
      "4 bytes [malformed: its IPv4 has a header of 16 bytes]"),
    SampleFrame(
      Wire.ipv4(17, Wire.udp(1, 2, []), length: 19), "IPv4",
      "28 bytes [malformed: its IPv4 of 19 bytes has a header of 20]"),
    SampleFrame(
      Wire.ipv4(17, Wire.udp(1, 2, [0]), length: 500), "UDP",
      "1 > 2 Len=1 [malformed: 471 bytes of its IPv4 are missing]"),
    SampleFrame(
      Wire.ipv4(17, Wire.udp(1, 2, [], length: 7)), "UDP",
      "8 bytes [malformed: its UDP says that it has 7 bytes]"),
    SampleFrame(
      Wire.ipv4(17, Wire.udp(1, 2, [], length: 9)), "UDP",
      "1 > 2 Len=1 [malformed: 1 bytes of its UDP are missing]"),
    SampleFrame(
      Wire.ipv4(6, Array(Wire.tcp(1, 2, flags: 2).prefix(19))), "TCP",
      "19 bytes [malformed: it ends within its TCP]"),
    SampleFrame(
      Wire.ipv4(6, Wire.tcp(1, 2, flags: 2, options: [2, 1, 0, 0])), "TCP",
      "1 > 2 [SYN] Seq=1000 Win=64240 Len=0 [malformed: an option of its TCP has no length]"),
    SampleFrame(
      Wire.ipv6(0, [17, 9, 0, 0, 0, 0, 0, 0]), "IPv6", "fe80::15", "fe80::2",
      "48 bytes [malformed: it ends within its IPv6]"),
    SampleFrame(
      Wire.ipv6(58, [135, 0, 0, 0, 0, 0, 0, 0] + Wire.host6 + [1, 0] + Wire.guestCard), "ICMPv6", "fe80::15",
      "fe80::2",
      "neighbor solicitation for fe80::2 [malformed: an option of its ICMPv6 has no length]"),
    // A name that leads to itself, and two that lead to each other.
    SampleFrame(
      Wire.ipv4(17, Wire.udp(40000, 53, Wire.dns(Wire.words(0xc00c, 1, 1)))), "DNS",
      "query 0xbeef [malformed: a name of its DNS does not lead back]"),
    SampleFrame(
      Wire.ipv4(17, Wire.udp(40000, 53, Wire.dns(Wire.words(0xc00e, 0xc00c, 1, 1)))), "DNS",
      "query 0xbeef [malformed: a name of its DNS does not lead back]"),
    SampleFrame(
      Wire.ipv4(17, Wire.udp(40000, 53, Wire.dns([0x80]))), "DNS",
      "query 0xbeef [malformed: a label of its DNS has no known form]"),
    SampleFrame(
      Wire.ipv4(17, Wire.udp(68, 67, Wire.dhcp(1, options: [12, 9, 0x78]))), "BOOTP",
      "request from 52:54:00:12:34:56, transaction 0xdeadbeef [malformed: it ends within its BOOTP]"),
    SampleFrame(
      Wire.ipv4(17, Wire.udp(40000, 69, Wire.words(9))), "TFTP",
      "2 bytes [malformed: its TFTP has an operation of 9]"),
  ]
}
