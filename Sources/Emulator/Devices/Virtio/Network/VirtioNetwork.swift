// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// The virtio network device (virtio specification 1.2, section 5.1): a card on a wire that ends at the gate.
///
/// Frames come in as arrivals and go out as departures, whole. The card does what its driver leaves to it: checksums, cutting long
/// pieces of TCP, filtering. None of it waits here: what the driver has no buffer for waits outside, or is lost there.
package final class VirtioNetwork: VirtioDevice {
  enum Queue {
    static let receive = 0
    static let transmit = 1
    static let control = 2
  }

  enum Feature {
    static let checksum: UInt64 = 1 << 0
    static let guestChecksum: UInt64 = 1 << 1
    static let guestOffloads: UInt64 = 1 << 2
    static let mtu: UInt64 = 1 << 3
    static let mac: UInt64 = 1 << 5
    static let segmentsTCPOverIPv4: UInt64 = 1 << 11
    static let segmentsTCPOverIPv6: UInt64 = 1 << 12
    static let segmentsCongestion: UInt64 = 1 << 13
    static let mergeableBuffers: UInt64 = 1 << 15
    static let status: UInt64 = 1 << 16
    static let controlQueue: UInt64 = 1 << 17
    static let receiveModes: UInt64 = 1 << 18
    static let vlanFilter: UInt64 = 1 << 19
    static let moreReceiveModes: UInt64 = 1 << 20
    static let announce: UInt64 = 1 << 21
    static let setsMAC: UInt64 = 1 << 23

    static let always =
      checksum | guestChecksum | guestOffloads | mac | segmentsTCPOverIPv4 | segmentsTCPOverIPv6
      | segmentsCongestion | mergeableBuffers | status | controlQueue | receiveModes | vlanFilter
      | moreReceiveModes | announce | setsMAC
  }

  enum Status {
    static let linkUp: UInt8 = 1
    static let announce: UInt8 = 2
  }

  package let name: String
  package let deviceID: UInt32 = 1
  package let features: UInt64
  package let queueCount = 3
  /// Linux fills the whole receive queue when its link comes up. This many frames is more than come in a burst.
  package let queueSizeMaximum = 256

  unowned let board: any Board
  let interface: Int
  private let card: MachineConfiguration.NetworkCard
  unowned var transport: VirtioTransport!

  // MARK: State

  var address: MACAddress
  var filter = ReceiveFilter()
  /// Bits of `Status`. The link is as the outside has it, whatever the driver does.
  private(set) var status = Status.linkUp
  /// How often the configuration space has changed.
  package private(set) var configurationGeneration: UInt32 = 0
  /// The driver has said, after a reset, what of `Feature.guestChecksum` it wants now.
  var guestOffloads: UInt64 = Feature.guestChecksum

  package init(board: any Board, interface: Int) {
    self.board = board
    self.interface = interface
    card = board.configuration.networkCards[interface]
    name = "virtio-net-\(interface)"
    features = Feature.always | (card.mtu == nil ? 0 : Feature.mtu)
    address = card.address
  }

  package func plug(into transport: VirtioTransport) { self.transport = transport }

  package var configuration: [UInt8] {
    var writer = ByteWriter()
    writer.raw(address.bytes)
    writer.uint16(UInt16(status))
    guard let mtu = card.mtu else { return writer.bytes }
    writer.uint16(1)  // pairs of queues
    writer.uint16(mtu)
    return writer.bytes
  }

  func accepted(_ feature: UInt64) -> Bool { transport.driverFeatures & feature != 0 }

  /// The header before each frame: without the number of buffers for a driver of the legacy interface that does not merge them.
  package var headerSize: Int {
    transport.isLegacy && !accepted(Feature.mergeableBuffers) ? 10 : 12
  }

  package func process(queue index: Int, on transport: VirtioTransport) {
    switch index {
    case Queue.transmit: transmit()
    case Queue.control: serveCommands()
    // Frames come when they come.
    default: break
    }
  }

  // MARK: The link

  var isLinkUp: Bool { status & Status.linkUp != 0 }

  /// The cable is put in or pulled out. A driver that has come up with it is told to tell the wire where it is.
  package func setLink(isUp: Bool) {
    guard isUp != isLinkUp else { return }
    status = isUp ? Status.linkUp : 0
    if isUp, transport.isLive, accepted(Feature.announce), accepted(Feature.controlQueue) {
      status |= Status.announce
    }
    changeConfiguration()
  }

  func acknowledgeAnnouncement() -> Bool {
    guard status & Status.announce != 0 else { return false }
    status &= ~Status.announce
    return true
  }

  private func changeConfiguration() {
    configurationGeneration &+= 1
    transport.signalConfigurationChange()
  }

  // MARK: State

  package func reset() {
    address = card.address
    status &= ~Status.announce
    guestOffloads = Feature.guestChecksum
    filter = ReceiveFilter()
  }

  /// A driver that filters VLANs begins with none.
  package func featuresAccepted() {
    filter = ReceiveFilter(filtersVLANs: accepted(Feature.vlanFilter))
  }

  package func save(to writer: inout ByteWriter) {
    writer.raw(address.bytes)
    writer.uint8(status)
    writer.uint32(configurationGeneration)
    writer.bool(guestOffloads != 0)
    filter.save(to: &writer)
  }

  package func restore(from reader: inout ByteReader) throws(ByteCodingError) {
    if let saved = MACAddress(try reader.raw(MACAddress.byteCount)) { address = saved }
    status = try reader.uint8(within: Status.linkUp | Status.announce, "network status")
    configurationGeneration = try reader.uint32()
    guestOffloads = try reader.bool() ? Feature.guestChecksum : 0
    filter = try ReceiveFilter(from: &reader)
  }
}
