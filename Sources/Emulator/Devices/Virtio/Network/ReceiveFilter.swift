// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Which frames a card hands to its driver (virtio specification 1.2, section 5.1.6.5): as the driver says through the control
/// queue, and everything until it says anything.
struct ReceiveFilter: Equatable {
  /// The raw value is the command that sets it.
  enum Mode: UInt8, CaseIterable {
    case everything = 0
    case allGroups = 1
    case allSingle = 2
    case noGroups = 3
    case noSingle = 4
    case noBroadcast = 5
  }

  /// Most addresses of both kinds together, as on QEMU; a longer table stands for every address of its kind.
  static let tableLimit = 64
  private static let vlanCount = 4096
  private static let vlanType: UInt16 = 0x8100

  private var modes: UInt8 = 1 << Mode.everything.rawValue
  private var single: [MACAddress] = []
  private var groups: [MACAddress] = []
  private var hasTooManySingle = false
  private var hasTooManyGroups = false
  /// A bit for each VLAN whose frames pass.
  private var vlans: [UInt8]

  /// - Parameter filtersVLANs: the driver names the VLANs it wants; otherwise all of them pass.
  init(filtersVLANs: Bool = false) {
    vlans = [UInt8](repeating: filtersVLANs ? 0 : 0xff, count: Self.vlanCount / 8)
  }

  subscript(mode: Mode) -> Bool {
    get { modes >> mode.rawValue & 1 != 0 }
    set { modes = modes & ~(1 << mode.rawValue) | (newValue ? 1 << mode.rawValue : 0) }
  }

  /// Replaces both tables, of which the first holds no addresses of groups.
  mutating func setTables(single: [MACAddress], groups: [MACAddress]) {
    hasTooManySingle = single.count > Self.tableLimit
    self.single = hasTooManySingle ? [] : single
    hasTooManyGroups = groups.count > Self.tableLimit - self.single.count
    self.groups = hasTooManyGroups ? [] : groups
  }

  /// False for a VLAN that cannot be.
  mutating func setVLAN(_ number: UInt16, passes: Bool) -> Bool {
    guard number < Self.vlanCount else { return false }
    let bit = UInt8(1) << (number & 7)
    let index = Int(number >> 3)
    vlans[index] = vlans[index] & ~bit | (passes ? bit : 0)
    return true
  }

  /// Whether the driver of a card with this address wants a frame, which has a header at least.
  func passes(_ frame: [UInt8], to address: MACAddress) -> Bool {
    if self[.everything] { return true }
    if frame.bigEndianWord(at: 12) == Self.vlanType, frame.count >= NetworkFrame.headerSize + 2 {
      let number = frame.bigEndianWord(at: NetworkFrame.headerSize) & 0xfff
      guard vlans[Int(number >> 3)] >> (number & 7) & 1 != 0 else { return false }
    }
    guard let destination = MACAddress(frame.prefix(MACAddress.byteCount)) else { return false }
    if destination == .broadcast { return !self[.noBroadcast] }
    if destination.isGroup {
      if self[.noGroups] { return false }
      return self[.allGroups] || hasTooManyGroups || groups.contains(destination)
    }
    if self[.noSingle] { return false }
    return self[.allSingle] || hasTooManySingle || destination == address || single.contains(destination)
  }

  func save(to writer: inout ByteWriter) {
    writer.uint8(modes)
    writer.bool(hasTooManySingle)
    writer.bool(hasTooManyGroups)
    for table in [single, groups] {
      writer.uint8(UInt8(table.count))
      for address in table { writer.raw(address.bytes) }
    }
    writer.raw(vlans)
  }

  init(from reader: inout ByteReader) throws(ByteCodingError) {
    self.init()
    modes = try reader.uint8(within: 1 << UInt8(Mode.allCases.count) - 1, "modes of a network card")
    hasTooManySingle = try reader.bool()
    hasTooManyGroups = try reader.bool()
    single = try Self.table(from: &reader)
    groups = try Self.table(from: &reader)
    vlans = Array(try reader.raw(vlans.count))
  }

  private static func table(from reader: inout ByteReader) throws(ByteCodingError) -> [MACAddress] {
    let start = reader.offset
    let count = try reader.uint8()
    guard count <= tableLimit else {
      throw .malformed(offset: start, what: "\(count) addresses of a network card")
    }
    var table: [MACAddress] = []
    for _ in 0..<count {
      if let address = MACAddress(try reader.raw(MACAddress.byteCount)) { table.append(address) }
    }
    return table
  }
}
