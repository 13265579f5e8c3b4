// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// A device tree with all that its file has besides the nodes: the board's own, or one that a user gives.
///
/// Such a file comes from a stranger. After a successful reading these hold: names are printable ASCII, no node has two properties
/// or two children of one name, and the tree is neither deep nor large.
package struct DeviceTreeFile: Sendable, Equatable {
  var root: DeviceTreeNode
  var reservations: [FlattenedDeviceTree.Reservation]
  /// The number of the hart that boots, as the file has it.
  var bootHart: UInt32

  /// As QEMU's: the tree is copied to the guest, and no board needs more.
  private static let sizeLimit = 1 << 20
  private static let depthLimit = 64
  private static let reservationLimit = 1024
  private static let remedy = "a flattened device tree of version 16 or 17, as dtc -O dtb writes it"

  private struct Header {
    var totalSize: Int
    var structureOffset: Int
    var stringsOffset: Int
    var reservationsOffset: Int
    var bootHart: UInt32
    var stringsSize: Int
  }

  init(root: DeviceTreeNode) {
    self.root = root
    reservations = []
    bootHart = 0
  }

  package init(_ file: [UInt8]) throws(ImageFormatError) {
    let header = try Self.readHeader(file)
    let blob = Array(file[..<header.totalSize])
    bootHart = header.bootHart
    reservations = try Self.readReservations(blob, at: header.reservationsOffset)
    let strings = blob[header.stringsOffset..<header.stringsOffset + header.stringsSize]
    var parser = Parser(
      words: blob[header.structureOffset...], strings: strings, depthLimit: Self.depthLimit)
    root = try parser.readRoot()
  }

  package func encoded(room: Int) -> [UInt8] {
    FlattenedDeviceTree.encode(root, reservations: reservations, bootHart: bootHart, room: room)
  }

  private static func readHeader(_ file: [UInt8]) throws(ImageFormatError) -> Header {
    let bytes = try ExecutableFile.part(
      "the header of a device tree", of: file, at: 0, count: UInt64(FlattenedDeviceTree.headerSize))
    var fields: [UInt32] = []
    var reader = ByteReader(bytes)
    while fields.count < 10, let field = try? reader.bigEndianUInt32() { fields.append(field) }
    guard fields.count == 10, fields[0] == FlattenedDeviceTree.magic else {
      throw .unsupported(what: "not a flattened device tree", use: remedy)
    }
    guard fields[1] <= UInt32(sizeLimit) else {
      throw .unsupported(
        what: "a device tree of \(readableSize(UInt64(fields[1])))", use: "one of at most 1 MiB")
    }
    guard fields[5] >= 16, fields[6] <= FlattenedDeviceTree.version else {
      throw .unsupported(what: "a device tree of version \(fields[5])", use: remedy)
    }
    let header = Header(
      totalSize: Int(fields[1]), structureOffset: Int(fields[2]), stringsOffset: Int(fields[3]),
      reservationsOffset: Int(fields[4]), bootHart: fields[7], stringsSize: Int(fields[8]))
    guard header.totalSize <= file.count else {
      throw .truncated(
        part: "the device tree", needed: UInt64(header.totalSize), available: UInt64(file.count))
    }
    guard header.structureOffset <= header.totalSize, header.structureOffset % 4 == 0,
      header.stringsOffset + header.stringsSize <= header.totalSize
    else { throw .inconsistent(what: "its header names blocks outside of it") }
    return header
  }

  private static func readReservations(
    _ blob: [UInt8], at offset: Int
  ) throws(ImageFormatError) -> [FlattenedDeviceTree.Reservation] {
    var reservations: [FlattenedDeviceTree.Reservation] = []
    guard offset <= blob.count else { throw .inconsistent(what: "its header names blocks outside of it") }
    var reader = ByteReader(blob[offset...])
    while let address = try? reader.bigEndianUInt64(), let size = try? reader.bigEndianUInt64() {
      if address == 0, size == 0 { return reservations }
      guard reservations.count < reservationLimit else {
        throw .inconsistent(what: "it reserves more than \(reservationLimit) parts of memory")
      }
      reservations.append(.init(address: address, size: size))
    }
    throw .inconsistent(what: "its list of reserved memory does not end")
  }

  /// Walks the structure block.
  private struct Parser {
    let words: ArraySlice<UInt8>
    let strings: ArraySlice<UInt8>
    let depthLimit: Int
    var offset = 0

    init(words: ArraySlice<UInt8>, strings: ArraySlice<UInt8>, depthLimit: Int) {
      self.words = words
      self.strings = strings
      self.depthLimit = depthLimit
    }

    mutating func readRoot() throws(ImageFormatError) -> DeviceTreeNode {
      guard try token() == FlattenedDeviceTree.Token.beginNode else {
        throw .inconsistent(what: "it does not begin with a node")
      }
      let root = try node(depth: 1)
      guard root.name.isEmpty else { throw .inconsistent(what: "its root has a name") }
      return root
    }

    /// A node whose begin mark has been read.
    private mutating func node(depth: Int) throws(ImageFormatError) -> DeviceTreeNode {
      guard depth <= depthLimit else { throw .inconsistent(what: "its nodes are nested too deep") }
      let name = try Self.name(words[(words.startIndex + offset)...])
      skip(name.utf8.count + 1)
      var properties: [DeviceTreeNode.Property] = []
      var children: [DeviceTreeNode] = []
      // Arrays of a tree of 1 MiB may be long; a look at each of them for every new one would take minutes.
      var names: Set<String> = []
      while true {
        switch try token() {
        case FlattenedDeviceTree.Token.property:
          let property = try property()
          guard names.insert(property.name).inserted else {
            throw .inconsistent(what: "its node '\(name)' has two properties '\(property.name)'")
          }
          properties.append(property)
        case FlattenedDeviceTree.Token.beginNode:
          let child = try node(depth: depth + 1)
          guard names.insert("/" + child.name).inserted else {
            throw .inconsistent(what: "its node '\(name)' has two nodes '\(child.name)'")
          }
          children.append(child)
        case FlattenedDeviceTree.Token.endNode:
          return DeviceTreeNode(name, properties: properties, children: children)
        default: throw .inconsistent(what: "its structure has an unknown mark")
        }
      }
    }

    private mutating func property() throws(ImageFormatError) -> DeviceTreeNode.Property {
      let size = Int(try word())
      let nameOffset = Int(try word())
      guard nameOffset < strings.count else { throw .inconsistent(what: "a property's name is not in it") }
      let name = try Self.name(strings[(strings.startIndex + nameOffset)...])
      guard size <= words.count - offset else {
        throw .inconsistent(what: "its property '\(name)' is cut off")
      }
      let start = words.startIndex + offset
      skip(size)
      return DeviceTreeNode.Property(name: name, value: Array(words[start..<start + size]))
    }

    private mutating func token() throws(ImageFormatError) -> UInt32 {
      var token = try word()
      while token == FlattenedDeviceTree.Token.nothing { token = try word() }
      return token
    }

    private mutating func word() throws(ImageFormatError) -> UInt32 {
      guard offset <= words.count - 4 else { throw .inconsistent(what: "its structure does not end") }
      let start = words.startIndex + offset
      offset += 4
      return words[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Everything in the structure block is aligned to 32 bits.
    private mutating func skip(_ count: Int) { offset = min(words.count, offset + (count + 3) & ~3) }

    private static func name(_ bytes: ArraySlice<UInt8>) throws(ImageFormatError) -> String {
      let limit = 256
      let name = bytes.prefix(limit).prefix { $0 != 0 }
      guard name.count < min(limit, bytes.count), name.allSatisfy({ (0x20..<0x7f).contains($0) }) else {
        throw .inconsistent(what: "it has a name that cannot be one")
      }
      return String(decoding: name, as: UTF8.self)
    }
  }
}
