// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// `-netdev`, `-device virtio-net-...`, `-nic` and `-net`.
extension Translator {
  struct Network {
    var option: String
    var id: String
    /// What rrtool's option for it takes.
    var words: String
    /// Why rrtool has no such network.
    var problem: String?
  }

  /// What `-nic` says, which makes a card and its network in one.
  struct Card {
    var option: String
    var type: String
    var properties: Properties
    /// `mac=`
    var address: String?
  }

  mutating func applyNetwork(_ name: String, _ value: String, _ text: String) throws(WordProblem) {
    var properties = try Properties(value, implied: "type")
    let type = properties.take("type") ?? ""
    guard type != "none" else { return }
    switch name {
    case "netdev":
      let id = properties.take("id") ?? ""
      networks.append(
        Network(
          option: text, id: id, words: Self.words(type, id: id, properties),
          problem: Self.whyNot(network: type)))
    case "nic":
      let model = properties.take("model")
      if let model, !model.hasPrefix("virtio") { return miss(text, "the one network card is virtio-net") }
      if let problem = Self.whyNot(network: type) { return miss(text, problem) }
      let address = properties.take("mac")
      cards.append(Card(option: text, type: type, properties: properties, address: address))
      note(text, "is on virtio-mmio here, on PCI with QEMU")
    // QEMU makes no device for this board either, and says so.
    default: note(text, "connects nothing, on QEMU's virt board neither; -netdev and -device do")
    }
  }

  /// Why rrtool has no such network; nil where it has.
  private static func whyNot(network type: String) -> String? {
    switch type {
    case "user", "stream", "dgram": nil
    case "tap", "bridge", "vhost-user", "vhost-vdpa", "l2tpv3", "vde", "netmap", "af-xdp":
      "the networks that are there are user, stream and dgram"
    case "socket": "socket is called stream and dgram"
    default: "is no network that is there"
    }
  }

  private static func words(_ type: String, id: String?, _ properties: Properties) -> String {
    ([type] + (id.map { ["id=\($0)"] } ?? [])
      + properties.fields.map { "\($0.key)=\(Properties.escape($0.value))" }).joined(separator: ",")
  }

  /// The words of a card on the network of its `netdev=`; none where it cannot be, which has been told.
  mutating func connect(_ properties: Properties, _ text: String) -> [String] {
    var properties = properties
    guard let id = properties.take("netdev") else {
      refuse(text, "names no netdev")
      return []
    }
    guard let index = networks.firstIndex(where: { $0.id == id }) else {
      refuse(text, "there is no netdev '\(id)'")
      return []
    }
    let network = networks[index]
    usedNetworks.insert(id)
    if let problem = network.problem {
      miss(network.option, problem)
      return []
    }
    var words = ["virtio-net-device", "netdev=\(id)"]
    for key in ["mac", "host_mtu"] { if let value = properties.take(key) { words.append("\(key)=\(value)") } }
    _ = properties.take("id")
    for field in properties.fields where field.key != "romfile" {
      note(text, "\(field.key) is the card's own choice")
    }
    tellDifferences(network.words, network.option)
    return ["--netdev", network.words, "--device", words.joined(separator: ",")]
  }

  /// The words of what `-nic` says.
  mutating func cardWords() -> [String] {
    var words: [String] = []
    for (index, card) in cards.enumerated() {
      let id = card.address.map { _ in "nic\(index)" }
      let network = Self.words(card.type, id: id, card.properties)
      tellDifferences(network, card.option)
      if let id, let address = card.address {
        words += ["--netdev", network, "--device", "virtio-net-device,netdev=\(id),mac=\(address)"]
      } else {
        words += ["--net", network]
      }
    }
    return words
  }

  /// Where rrtool is more careful than QEMU.
  private mutating func tellDifferences(_ words: String, _ option: String) {
    guard words.hasPrefix("user") else { return }
    if words.contains("hostfwd=tcp::") || words.contains("hostfwd=udp::") || words.contains("hostfwd=::") {
      note(option, "hostfwd listens for this machine alone where no address is given")
    }
    if !words.contains("host-loopback="), !words.contains("restrict=on") {
      note(option, "the guest does not reach this machine's own services: add ,host-loopback=on for that")
    }
  }
}
