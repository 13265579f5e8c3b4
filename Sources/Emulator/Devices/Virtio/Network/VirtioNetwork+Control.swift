// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// The control queue (virtio specification 1.2, section 5.1.6.5). Every command is answered at once.
extension VirtioNetwork {
  private enum Command {
    static let receiveModes: UInt8 = 0
    static let mac: UInt8 = 1
    static let vlan: UInt8 = 2
    static let announce: UInt8 = 3
    static let offloads: UInt8 = 5
  }

  /// More than any command has: a table of addresses is bounded by its own counts.
  private static let commandLimit = 64 << 10

  func serveCommands() {
    for _ in 0..<VirtQueue.batchLimit {
      guard let chain = transport.nextRequest(queue: Queue.control) else { break }
      guard chain.readableCount >= 2, let answer = chain.writable.first?.address else {
        return transport.fail()
      }
      var command = ByteReader(
        chain.readable.read(count: min(chain.readableCount, Self.commandLimit), from: board.memory))
      let succeeded = (try? serve(&command)) ?? false
      board.memory.store(UInt8(succeeded ? 0 : 1), at: answer)
      transport.putRequest(queue: Queue.control, head: chain.head, writtenCount: 1)
    }
    transport.signalUsed(queue: Queue.control)
  }

  /// False for what this card does not do; it throws for a command that is cut short.
  private func serve(_ command: inout ByteReader) throws(ByteCodingError) -> Bool {
    let kind = (class: try command.uint8(), number: try command.uint8())
    switch kind.class {
    case Command.receiveModes:
      guard let mode = ReceiveFilter.Mode(rawValue: kind.number), accepted(feature(of: mode)) else {
        return false
      }
      filter[mode] = try command.uint8() != 0
    case Command.mac where kind.number == 0: try setTables(&command)
    case Command.mac where kind.number == 1 && accepted(Feature.setsMAC):
      guard let address = MACAddress(try command.raw(MACAddress.byteCount)) else { return false }
      self.address = address
    case Command.vlan where kind.number <= 1 && accepted(Feature.vlanFilter):
      return filter.setVLAN(try command.uint16(), passes: kind.number == 0)
    case Command.announce where kind.number == 0: return acknowledgeAnnouncement()
    case Command.offloads where kind.number == 0 && accepted(Feature.guestOffloads):
      let wanted = try command.uint64()
      guard wanted & ~(transport.driverFeatures & Feature.guestChecksum) == 0 else { return false }
      guestOffloads = wanted
    default: return false
    }
    return true
  }

  private func feature(of mode: ReceiveFilter.Mode) -> UInt64 {
    switch mode {
    case .everything, .allGroups: Feature.receiveModes
    case .allSingle, .noGroups, .noSingle, .noBroadcast: Feature.moreReceiveModes
    }
  }

  /// Two tables, each with its count before it: single addresses, and those of groups.
  private func setTables(_ command: inout ByteReader) throws(ByteCodingError) {
    var tables: [[MACAddress]] = []
    for _ in 0..<2 {
      let count = Int(try command.uint32())
      let bytes = Array(try command.raw(count * MACAddress.byteCount))
      tables.append(
        stride(from: 0, to: bytes.count, by: MACAddress.byteCount).compactMap {
          MACAddress(bytes[$0..<$0 + MACAddress.byteCount])
        })
    }
    filter.setTables(single: tables[0], groups: tables[1])
  }
}
