// SPDX-License-Identifier: Apache-2.0

import Emulator
import Execution
import HostSystem
import Networking
import Testing

/// What `--netdev`, `--device` and `--net` mean, and what they refuse.
@Suite struct NetworkOptionsTests {
  private func parse(
    _ netdevs: [String] = [], _ devices: [String] = [], net: [String] = []
  ) throws(Failure) -> [NetworkOptions] {
    try NetworkOptions.parse(netdevs: netdevs, devices: devices, net: net)
  }

  @Test func oneWordIsACardAndItsNetwork() throws {
    let cards = try parse(net: [
      "user", "none", "user,hostfwd=tcp::2222-:22,hostfwd=udp:0.0.0.0:53-10.0.2.15:53",
    ])
    #expect(cards.map(\.card.address) == [.standard(0), .standard(1)])
    guard case .user(let options) = cards[1].backend else {
      Issue.record("no user network")
      return
    }
    #expect(options.hostForwards.map(\.hostPort) == [2222, 53])
    #expect(options.hostForwards.map(\.hostAddress.description) == ["127.0.0.1", "0.0.0.0"])
    #expect(options.hostForwards.map(\.transport) == [.tcp, .udp])
    #expect(!options.reachesHostLoopback && !options.hasIPv6)
  }

  @Test func theCardsOwnPropertiesMayBeInTheSameWord() throws {
    let card = try parse(net: ["user,mac=02:00:00:00:00:07,host_mtu=1400"])[0].card
    #expect(card == .init(address: MACAddress(parsing: "02:00:00:00:00:07")!, mtu: 1400))
  }

  @Test func aCardIsOnTheNetworkThatItNames() throws {
    let cards = try parse(
      [
        "user,id=a,log=digest",
        "stream,id=b,path=s,server=on,loss=1.5%,delay=20ms,jitter=500us,reorder=3%,seed=9",
      ],
      ["virtio-net-device,netdev=b,mac=02-00-00-00-00-01,host_mtu=1400", "virtio-net-device,netdev=a"])
    #expect(cards.map(\.id) == ["b", "a"])
    #expect(cards[0].card == .init(address: MACAddress(parsing: "02:00:00:00:00:01")!, mtu: 1400))
    #expect(cards[0].backend == .stream(.path("s"), isServer: true))
    #expect(
      cards[0].faults.loss == 0.015 && cards[0].faults.delay == 20_000_000
        && cards[0].faults.jitter == 500_000)
    #expect(cards[1].card.address == .standard(1) && !cards[1].keepsFrames && cards[0].keepsFrames)
    #expect(
      try parse(
        ["dgram,id=d,local.type=unix,local.path=x,remote.type=inet,remote.host=h,remote.port=1"],
        ["virtio-net-device,netdev=d"])[0].backend
        == .datagrams(local: .path("x"), remote: .port(host: "h", port: "1")))
  }

  @Test(arguments: [
    (["user"], [], []), (["user,id=a"], [], []),
    (["user,id=a", "user,id=a"], ["virtio-net-device,netdev=a"], []),
    ([], ["virtio-net-device,netdev=a"], []), (["user,id=a"], ["e1000,netdev=a"], []),
    (["user,id=a"], ["virtio-net-device"], []), (["user,id=a"], ["virtio-net-device,netdev=a,mac=1"], []),
    (["user,id=a"], ["virtio-net-device,netdev=a,mac=01:00:00:00:00:00"], []),
    (["user,id=a"], ["virtio-net-device,netdev=a,host_mtu=67"], []),
    (["tap,id=a"], ["virtio-net-device,netdev=a"], []),
    (["user,id=a", "user,id=b"], ["virtio-net-device,netdev=a", "virtio-net-device,netdev=a"], []),
    (["stream,id=a"], ["virtio-net-device,netdev=a"], []), ([], [], ["user,hostfwd=tcp::1"]),
    (["stream,id=a,path=s,colour=red"], ["virtio-net-device,netdev=a"], []),
    (["dgram,id=a,local.type=unix,local.path=s"], ["virtio-net-device,netdev=a"], []),
    ([], [], ["user,hostfwd=tcp::0-:22"]), ([], [], ["user,hostfwd=tcp:nowhere:1-:22"]),
    ([], [], ["user,colour=red"]),
    ([], [], ["user,net=10.0.2.0/33"]), ([], [], ["user,net=10.0.2.0/255.0.255.0"]),
    ([], [], ["user,restrict=maybe"]),
    ([], [], ["user,dns=10.0.2.2"]), ([], [], ["user,tftp=/nowhere/at/all"]),
    ([], [], ["user,loss=1%,loss=2%"]),
    ([], [], ["user,hostfwd=tcp::22-10.0.3.15:22"]), ([], [], ["user,restrict"]), ([], [], ["user,mac=1"]),
    ([], [], ["user,dhcpstart=192.168.0.1"]),
    ([], [], ["user,loss=101%"]), ([], [], ["user,delay=5"]), ([], [], ["user,delay=61s"]),
    ([], [], ["user,reorder=1%"]),
    ([], [], ["user,guestfwd=tcp:10.0.2.9:80-file:x"]), ([], [], ["user,log=most"]), ([], [], [""]),
    ([], [], ["=x"]),
    ([], [], ["user", "user", "user", "user", "user"]), ([], [], ["user,loss=nan"]),
    ([], [], ["user,delay=infs"]),
  ])
  func whatCannotBeIsRefusedInOneLine(netdevs: [String], devices: [String], net: [String]) {
    let failure = #expect(throws: Failure.self) { try parse(netdevs, devices, net: net) }
    #expect(failure.map { !$0.description.contains("\n") } == true)
  }

  @Test func networksByMaskAndBits() throws {
    for (text, mask) in [
      ("192.168.5.0/24", "255.255.255.0"), ("172.16.0.0/255.255.0.0", "255.255.0.0"),
      ("10.1.0.0", "255.255.255.0"),
    ] {
      guard case .user(let options) = try parse(net: ["user,net=\(text)"])[0].backend else { continue }
      #expect(options.mask.description == mask)
    }
  }
}
