// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// A reader of flattened device trees, written from the specification and not from the writer.
struct BootTestTree {
  /// Node path, then property name, to value; "/" is the root.
  private(set) var nodes: [String: [String: [UInt8]]] = [:]
  /// Paths in the order of the file.
  private(set) var paths: [String] = []
  let stringsBlock: [UInt8]
  /// What the header states; a blob may go on behind that.
  let totalSize: Int

  subscript(path: String, property: String) -> [UInt8]? { nodes[path]?[property] }

  init(_ blob: [UInt8]) throws {
    var header = ByteReader(blob)
    guard try header.bigEndianUInt32() == 0xd00d_feed else {
      throw ByteCodingError.malformed(offset: 0, what: "magic")
    }
    let fields = try (0..<9).map { _ in Int(try header.bigEndianUInt32()) }
    totalSize = fields[0]
    let (structureOffset, stringsOffset) = (fields[1], fields[2])
    let (reservations, version, lastCompatible) = (fields[3], fields[4], fields[5])
    let (stringsSize, structureSize) = (fields[7], fields[8])
    guard totalSize <= blob.count, version == 17, lastCompatible == 16, structureOffset % 4 == 0,
      reservations % 8 == 0, structureOffset + structureSize <= totalSize,
      stringsOffset + stringsSize <= totalSize,
      blob[reservations..<reservations + 16].allSatisfy({ $0 == 0 })
    else { throw ByteCodingError.malformed(offset: 4, what: "header") }
    stringsBlock = Array(blob[stringsOffset..<stringsOffset + stringsSize])

    var reader = ByteReader(blob[structureOffset..<structureOffset + structureSize])
    var path: [String] = []
    while true {
      let token = try reader.bigEndianUInt32()
      switch token {
      case 1:
        var name: [UInt8] = []
        while case let byte = try reader.uint8(), byte != 0 { name.append(byte) }
        _ = try reader.raw((4 - reader.offset % 4) % 4)
        path.append(String(decoding: name, as: UTF8.self))
        paths.append(Self.join(path))
        nodes[Self.join(path)] = [:]
      case 2: path.removeLast()
      case 3:
        let size = Int(try reader.bigEndianUInt32())
        let nameOffset = Int(try reader.bigEndianUInt32())
        let value = Array(try reader.raw(size))
        _ = try reader.raw((4 - size % 4) % 4)
        let name = String(decoding: stringsBlock[nameOffset...].prefix { $0 != 0 }, as: UTF8.self)
        nodes[Self.join(path)]?[name] = value
      case 9:
        guard path.isEmpty, reader.isAtEnd else {
          throw ByteCodingError.malformed(offset: reader.offset, what: "end")
        }
        return
      default: throw ByteCodingError.malformed(offset: reader.offset, what: "token \(token)")
      }
    }
  }

  func cells(_ path: String, _ property: String) -> [UInt32]? {
    guard let value = nodes[path]?[property], value.count % 4 == 0 else { return nil }
    return stride(from: 0, to: value.count, by: 4).map { start in
      value[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
  }

  func strings(_ path: String, _ property: String) -> [String]? {
    guard let value = nodes[path]?[property], value.last == 0 else { return nil }
    return value.dropLast().split(separator: 0, omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  /// The path of the node with a phandle.
  func path(ofHandle handle: UInt32) -> String? {
    paths.first { cells($0, "phandle") == [handle] }
  }

  private static func join(_ path: [String]) -> String {
    path.count == 1 ? "/" : path.joined(separator: "/")
  }
}
