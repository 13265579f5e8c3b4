// SPDX-License-Identifier: Apache-2.0

import Emulator

/// The network cards of a machine. What their wires led to is not kept: a replay needs none of it.
extension RecordingManifest.Machine {
  public struct NetworkCard: Codable, Equatable, Sendable {
    /// Six pairs of hexadecimal digits.
    public var address: String
    /// Nil when the guest was not told.
    public var mtu: UInt16?
  }

  package mutating func describeNetwork(_ configuration: MachineConfiguration) {
    networkCards =
      configuration.networkCards.isEmpty
      ? nil : configuration.networkCards.map { NetworkCard(address: $0.address.description, mtu: $0.mtu) }
  }

  func attachNetwork(to configuration: inout MachineConfiguration) {
    configuration.networkCards = (networkCards ?? []).compactMap { card in
      MACAddress(parsing: card.address).map { .init(address: $0, mtu: card.mtu) }
    }
  }

  /// What is wrong with them; nil when nothing is.
  func findNetworkProblem() -> String? {
    let cards = networkCards ?? []
    guard cards.count <= MachineConfiguration.networkCardLimit else { return "\(cards.count) network cards" }
    for (index, card) in cards.enumerated() {
      guard MACAddress(parsing: card.address) != nil else {
        return "network card \(index) without an address"
      }
      if let mtu = card.mtu, !MachineConfiguration.mtuRange.contains(mtu) {
        return "network card \(index) with an MTU of \(mtu)"
      }
    }
    return nil
  }
}
