// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// A node of a device tree that is being built.
///
///     var root = DeviceTreeNode("")
///     root.set("compatible", strings: "riscv-virtio")
///     root.add("memory@80000000") {
///       $0.set("device_type", strings: "memory")
///       $0.set("reg", doublewords: 0x8000_0000, 0x800_0000)
///     }
///     let blob = FlattenedDeviceTree.encode(root)
struct DeviceTreeNode: Sendable, Equatable {
  struct Property: Sendable, Equatable {
    var name: String
    var value: [UInt8]
  }

  let name: String
  private(set) var properties: [Property] = []
  private(set) var children: [DeviceTreeNode] = []

  /// A node that was read from a file, which has made sure of its names.
  init(_ name: String, properties: [Property], children: [DeviceTreeNode]) {
    self.init(name)
    self.properties = properties
    self.children = children
  }

  init(_ name: String) {
    precondition(!name.utf8.contains(0), "a name with a NUL")
    self.name = name
  }

  mutating func add(_ name: String, _ build: (inout DeviceTreeNode) -> Void) {
    var child = DeviceTreeNode(name)
    build(&child)
    children.append(child)
  }

  /// Changes the child `name`, which is made when it is not there.
  mutating func change(_ name: String, _ body: (inout DeviceTreeNode) -> Void) {
    if let index = children.firstIndex(where: { $0.name == name }) {
      body(&children[index])
    } else {
      add(name, body)
    }
  }

  mutating func remove(_ name: String) { properties.removeAll { $0.name == name } }

  /// A property that is true by being there.
  mutating func set(_ name: String) { append(name, []) }

  mutating func set(_ name: String, bytes: [UInt8]) { append(name, bytes) }

  /// 32-bit cells.
  mutating func set(_ name: String, cells: UInt32...) { set(name, cells: cells) }

  mutating func set(_ name: String, cells: [UInt32]) {
    var writer = ByteWriter()
    for cell in cells { writer.bigEndianUInt32(cell) }
    append(name, writer.bytes)
  }

  /// Numbers of two cells each, as addresses and sizes are wherever #address-cells and #size-cells are 2.
  mutating func set(_ name: String, doublewords: UInt64...) {
    var writer = ByteWriter()
    for value in doublewords { writer.bigEndianUInt64(value) }
    append(name, writer.bytes)
  }

  mutating func set(_ name: String, strings: String...) { set(name, strings: strings) }

  mutating func set(_ name: String, strings: [String]) {
    var value: [UInt8] = []
    for string in strings {
      precondition(!string.utf8.contains(0), "a string with a NUL")
      value += Array(string.utf8) + [0]
    }
    append(name, value)
  }

  private mutating func append(_ name: String, _ value: [UInt8]) {
    precondition(!properties.contains { $0.name == name }, "a property set twice")
    properties.append(Property(name: name, value: value))
  }
}

/// The binary form of a device tree that firmware hands to a kernel (Devicetree Specification 0.4, chapter 5,
/// format version 17).
enum FlattenedDeviceTree {
  static let magic: UInt32 = 0xd00d_feed
  static let version: UInt32 = 17
  static let lastCompatibleVersion: UInt32 = 16
  static let headerSize = 40

  enum Token {
    static let beginNode: UInt32 = 1
    static let endNode: UInt32 = 2
    static let property: UInt32 = 3
    static let nothing: UInt32 = 4
    static let end: UInt32 = 9
  }

  /// A part of memory that the kernel must leave alone.
  struct Reservation: Sendable, Equatable {
    var address: UInt64
    var size: UInt64
  }

  /// `room` bytes at the end belong to the blob and are not used yet.
  static func encode(
    _ root: DeviceTreeNode, reservations: [Reservation] = [], bootHart: UInt32 = 0, room: Int = 0
  ) -> [UInt8] {
    var structure = ByteWriter()
    var strings = StringBlock()
    write(root, to: &structure, strings: &strings)
    structure.bigEndianUInt32(Token.end)

    // The block ends with a pair of zeroes.
    let structureOffset = headerSize + 16 * (reservations.count + 1)
    let stringsOffset = structureOffset + structure.count
    let totalSize = stringsOffset + strings.bytes.count + room
    var blob = ByteWriter(reserving: totalSize)
    blob.bigEndianUInt32(magic)
    blob.bigEndianUInt32(UInt32(totalSize))
    blob.bigEndianUInt32(UInt32(structureOffset))
    blob.bigEndianUInt32(UInt32(stringsOffset))
    blob.bigEndianUInt32(UInt32(headerSize))
    blob.bigEndianUInt32(version)
    blob.bigEndianUInt32(lastCompatibleVersion)
    blob.bigEndianUInt32(bootHart)
    blob.bigEndianUInt32(UInt32(strings.bytes.count))
    blob.bigEndianUInt32(UInt32(structure.count))
    for reservation in reservations + [Reservation(address: 0, size: 0)] {
      blob.bigEndianUInt64(reservation.address)
      blob.bigEndianUInt64(reservation.size)
    }
    blob.raw(structure.bytes)
    blob.raw(strings.bytes)
    blob.raw([UInt8](repeating: 0, count: room))
    return blob.bytes
  }

  private static func write(
    _ node: DeviceTreeNode, to structure: inout ByteWriter, strings: inout StringBlock
  ) {
    structure.bigEndianUInt32(Token.beginNode)
    writePadded(Array(node.name.utf8) + [0], to: &structure)
    for property in node.properties {
      structure.bigEndianUInt32(Token.property)
      structure.bigEndianUInt32(UInt32(property.value.count))
      structure.bigEndianUInt32(strings.offset(of: property.name))
      writePadded(property.value, to: &structure)
    }
    for child in node.children { write(child, to: &structure, strings: &strings) }
    structure.bigEndianUInt32(Token.endNode)
  }

  /// Everything in the structure block is aligned to 32 bits.
  private static func writePadded(_ bytes: [UInt8], to structure: inout ByteWriter) {
    structure.raw(bytes)
    structure.raw(repeatElement(0, count: (4 - bytes.count % 4) % 4))
  }

  /// The names of properties, each of them once. Offsets follow the order of first use.
  private struct StringBlock {
    var bytes: [UInt8] = []
    private var offsets: [String: UInt32] = [:]

    mutating func offset(of name: String) -> UInt32 {
      if let known = offsets[name] { return known }
      let offset = UInt32(bytes.count)
      bytes += Array(name.utf8) + [0]
      offsets[name] = offset
      return offset
    }
  }
}
