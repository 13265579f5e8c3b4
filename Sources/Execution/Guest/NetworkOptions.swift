// SPDX-License-Identifier: Apache-2.0

import Emulator
import HostSystem
import Networking

/// A network card of the guest's, and what its wire leads to.
public struct NetworkOptions: Equatable, Sendable {
  public enum Backend: Equatable, Sendable {
    case user(UserNetworkOptions)
    case stream(LinkAddress, isServer: Bool)
    case datagrams(local: LinkAddress, remote: LinkAddress)
  }

  /// What the user calls the back end.
  public var id: String
  public var card: MachineConfiguration.NetworkCard
  public var backend: Backend
  public var faults = WireFaults()
  /// Whether a recording keeps the frames that the guest sends; otherwise their digests.
  public var keepsFrames = true
  /// What the user wrote, for errors.
  public var option: String

  public init(
    id: String, card: MachineConfiguration.NetworkCard, backend: Backend, option: String
  ) {
    self.id = id
    self.card = card
    self.backend = backend
    self.option = option
  }

  func open(clock: GuestClock) throws(Failure) -> any NetworkBackend {
    let network: any NetworkBackend =
      switch backend {
      case .user(let options): try UserNetwork(options, option: option, mtu: card.mtu, clock: clock)
      case .stream(let address, let isServer): try StreamLink(address, isServer: isServer)
      case .datagrams(let local, let remote): try DatagramLink(local: local, remote: remote)
      }
    return faults.isNone ? network : FaultyWire(network, faults: faults, clock: clock)
  }
}
