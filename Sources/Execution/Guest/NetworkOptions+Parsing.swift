// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import HostSystem
import Networking
import RecordingStore

/// `--netdev`, `--device` and `--net`, as QEMU has them.
extension NetworkOptions {
  /// - Parameters:
  ///   - netdevs: `user,id=NAME[,...]`, one for each wire.
  ///   - devices: `virtio-net-device,netdev=NAME[,mac=...]`, one for each card, in the guest's order.
  ///   - net: `user[,...]` or `none`: a card and its wire in one word.
  public static func parse(
    netdevs: [String], devices: [String], net: [String]
  ) throws(Failure) -> [NetworkOptions] {
    var wires: [(id: String, netdev: NetdevOptions, text: String)] = []
    for text in netdevs {
      let (kind, properties) = try OptionList.parseKind(text, option: "--netdev")
      let netdev = try NetdevOptions(kind, properties, option: "--netdev \(text)")
      guard let id = netdev.id, !id.isEmpty else {
        throw Failure(.usage, "--netdev \(text)", "has no id", remedy: "add id=NAME, for --device")
      }
      guard !wires.contains(where: { $0.id == id }) else {
        throw Failure(
          .usage, "--netdev \(text)", "has an id that another one has", remedy: "name it otherwise")
      }
      wires.append((id, netdev, text))
    }
    var cards: [NetworkOptions] = []
    for text in devices {
      let device = try NetworkDeviceOptions(parsing: text, index: cards.count)
      guard let index = wires.firstIndex(where: { $0.id == device.netdev }) else {
        throw Failure(
          .usage, "--device \(text)", "there is no free --netdev with the id '\(device.netdev)'",
          remedy: "add --netdev user,id=\(device.netdev)")
      }
      let wire = wires.remove(at: index)
      cards.append(wire.netdev.connected(to: device.card, id: wire.id, option: "--netdev \(wire.text)"))
    }
    if let wire = wires.first {
      throw Failure(
        .usage, "--netdev \(wire.text)", "leads to no network card",
        remedy: "add --device virtio-net-device,netdev=\(wire.id)")
    }
    for text in net where text != "none" { cards.append(try card(parsing: text, index: cards.count)) }
    guard cards.count <= MachineConfiguration.networkCardLimit else {
      throw Failure(
        .usage, "--device", "\(cards.count) network cards are not possible",
        remedy: "give at most \(MachineConfiguration.networkCardLimit)")
    }
    for (index, card) in cards.enumerated()
    where cards[..<index].contains(where: { $0.card.address == card.card.address }) {
      throw Failure(
        .usage, "--device", "two network cards have the address \(card.card.address)",
        remedy: "give one of them another with mac=")
    }
    return cards
  }

  /// What `--net` asks for: the properties of both.
  private static func card(parsing text: String, index: Int) throws(Failure) -> NetworkOptions {
    let option = "--net \(text)"
    let (kind, properties) = try OptionList.parseKind(text, option: "--net")
    var card = MachineConfiguration.NetworkCard(address: .standard(index))
    var others: [(key: String, value: String)] = []
    for (key, value) in properties where try !NetworkDeviceOptions.take(key, value, option, &card) {
      others.append((key, value))
    }
    let netdev = try NetdevOptions(kind, others, option: option)
    return netdev.connected(to: card, id: netdev.id ?? "net\(index)", option: option)
  }
}

/// What `--device virtio-net-device` asks for.
struct NetworkDeviceOptions {
  static let kind = "virtio-net-device"

  var netdev = ""
  var card: MachineConfiguration.NetworkCard

  /// - Parameter index: of the card, for its address when none is given.
  init(parsing text: String, index: Int) throws(Failure) {
    let option = "--device \(text)"
    func refuse(_ problem: String) -> Failure {
      Failure(.usage, option, problem, remedy: "write \(Self.kind),netdev=NAME[,mac=ADDRESS][,host_mtu=N]")
    }
    let (kind, properties) = try OptionList.parseKind(text, option: "--device")
    guard kind == Self.kind else { throw refuse("'\(kind)' is no device that can be added") }
    card = MachineConfiguration.NetworkCard(address: .standard(index))
    for (key, value) in properties where try !Self.take(key, value, option, &card) {
      switch key {
      case "netdev": netdev = value
      case "id": break
      default: throw refuse("'\(key)' is not an option of a network card")
      }
    }
    if netdev.isEmpty { throw refuse("names no netdev") }
  }

  /// What is the card's own. False: it is something else.
  static func take(
    _ key: String, _ value: String, _ option: String, _ card: inout MachineConfiguration.NetworkCard
  ) throws(Failure) -> Bool {
    switch key {
    case "mac":
      guard let address = MACAddress(parsing: value), !address.isGroup else {
        throw Failure(
          .usage, option, "'\(value)' is no address of a network card",
          remedy: "give one such as 52:54:00:12:34:56")
      }
      card.address = address
    case "host_mtu":
      let range = MachineConfiguration.mtuRange
      guard let mtu = UInt16(value), range.contains(mtu) else {
        throw Failure(
          .usage, option, "'\(value)' is no MTU", remedy: "give \(range.lowerBound) to \(range.upperBound)")
      }
      card.mtu = mtu
    default: return false
    }
    return true
  }
}

/// What `--netdev` asks for: a back end, and what of it is kept.
struct NetdevOptions {
  var id: String?
  var backend: NetworkOptions.Backend
  var faults = WireFaults()
  var keepsFrames = true

  /// Properties that may be given several times.
  private static let lists: Set<String> = ["hostfwd", "guestfwd", "dnssearch"]

  init(
    _ kind: String, _ all: [(key: String, value: String)], option: String
  ) throws(Failure) {
    var properties: [(key: String, value: String)] = []
    var keys: Set<String> = []
    for (key, value) in all {
      guard keys.insert(key).inserted || Self.lists.contains(key) else {
        throw Failure(.usage, option, "gives '\(key)' twice", remedy: "give it once")
      }
      switch (key, value) {
      case ("id", _): id = value
      case ("log", "full"): keepsFrames = true
      case ("log", "digest"): keepsFrames = false
      case ("log", _):
        throw Failure(.usage, option, "log is full or digest, not '\(value)'", remedy: "write log=digest")
      default:
        if WireFaults.keys.contains(key) {
          try faults.take(key, value, option: option)
        } else {
          properties.append((key, value))
        }
      }
    }
    try faults.check(option)
    switch kind {
    case "user": backend = .user(try UserNetworkOptions(properties, option: option))
    case "stream": backend = try .stream(properties, option: option)
    case "dgram": backend = try .datagrams(properties, option: option)
    default:
      throw Failure(
        .usage, option, "'\(kind)' is no network that rrtool has", remedy: "give user, stream or dgram")
    }
  }

  func connected(
    to card: MachineConfiguration.NetworkCard, id: String, option: String
  ) -> NetworkOptions {
    var options = NetworkOptions(id: id, card: card, backend: backend, option: option)
    options.keepsFrames = keepsFrames
    options.faults = faults
    return options
  }
}
