// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// The dirty bitmaps of an image ("Bitmaps extension" in the specification): notes for incremental backups of which parts were
/// written.
///
/// They are not kept up to date here. Before an image that has some is written, those that should follow its writes are marked as being in
/// use, as a writer leaves them that was killed: QEMU then knows that they are out of date and shows them so, and `qemu-img check` is
/// clean. Bitmaps that follow no writes stay valid.
struct Qcow2Bitmaps {
  struct Entry {
    var name: String
    var tableOffset: Int
    var tableCount: Int
    /// Where its flags are in the file.
    var flagsOffset: Int
    var flags: UInt32
  }

  /// What the header's extension says.
  struct Location {
    static let extensionType: UInt32 = 0x2385_2875
    var count: Int
    var size: Int
    var offset: Int
  }

  /// The header's autoclear bit that says that the extension is true.
  static let autoclearBit: UInt64 = 1
  private static let inUse: UInt32 = 1
  private static let follows: UInt32 = 2

  /// QEMU's limits.
  private static let maximumCount = 65_535
  private static let maximumDirectorySize = 64 << 20
  private static let maximumTableSize = 8 << 20
  private static let entrySize = 24

  let location: Location
  private(set) var entries: [Entry] = []

  /// Nil when the image has none that count.
  init?(reading file: ImageFile, header: Qcow2Header) throws(DiskImageError) {
    guard let location = header.bitmaps, header.autoclearFeatures & Self.autoclearBit != 0 else { return nil }
    let bounds = header.geometry.fileBounds(path: file.path, fileSize: file.size)
    guard location.count <= Self.maximumCount, (1...Self.maximumDirectorySize).contains(location.size) else {
      throw .damaged(file.path, "a directory of \(location.count) dirty bitmaps in \(location.size) bytes")
    }
    try bounds.check(
      UInt64(location.offset), bytes: location.size, what: "the directory of its dirty bitmaps")
    self.location = location
    let bytes = try file.read(at: location.offset, count: location.size)
    do {
      try parse(bytes, bounds: bounds)
    } catch let error as DiskImageError {
      throw error
    } catch {
      throw .damaged(file.path, "the directory of its dirty bitmaps is cut off")
    }
  }

  private mutating func parse(_ bytes: [UInt8], bounds: Qcow2Geometry.FileBounds) throws {
    var reader = ByteReader(bytes)
    for _ in 0..<location.count {
      let start = bytes.count - reader.remaining
      let tableOffset = try reader.bigEndianUInt64()
      let tableCount = Int(try reader.bigEndianUInt32())
      let flags = try reader.bigEndianUInt32()
      _ = try reader.raw(2)  // type and granularity
      let nameSize = Int(try reader.bigEndianUInt16())
      let extraSize = Int(try reader.bigEndianUInt32())
      _ = try reader.raw(extraSize)
      let name = String(decoding: try reader.raw(nameSize), as: UTF8.self)
      let size = Self.entrySize + extraSize + nameSize
      _ = try reader.raw((8 - size % 8) % 8)
      guard tableCount * 8 <= Self.maximumTableSize else {
        throw DiskImageError.damaged(bounds.path, "a dirty bitmap's table has \(tableCount) entries")
      }
      try bounds.check(tableOffset, bytes: tableCount * 8, what: "a dirty bitmap's table")
      entries.append(
        Entry(
          name: name, tableOffset: Int(tableOffset), tableCount: tableCount,
          flagsOffset: location.offset + start + 12, flags: flags))
    }
  }

  /// Marks those that should follow the writes; the names of all that are out of date then.
  mutating func markOutOfDate(in file: ImageFile) throws(DiskImageError) -> [String] {
    var names: [String] = []
    for index in entries.indices where entries[index].flags & (Self.follows | Self.inUse) != 0 {
      names.append(entries[index].name)
      guard entries[index].flags & Self.inUse == 0 else { continue }
      entries[index].flags |= Self.inUse
      var writer = ByteWriter()
      writer.bigEndianUInt32(entries[index].flags)
      try file.write(at: entries[index].flagsOffset, writer.bytes)
    }
    return names
  }

  /// The clusters of the directory, the tables and the bitmaps themselves.
  func forEachCluster(
    in file: ImageFile, _ geometry: Qcow2Geometry, _ body: (Int) -> Void
  ) throws(DiskImageError) {
    geometry.clusters(at: location.offset, bytes: location.size).forEach(body)
    for entry in entries where entry.tableCount > 0 {
      geometry.clusters(at: entry.tableOffset, bytes: entry.tableCount * 8).forEach(body)
      let table = try file.read(at: entry.tableOffset, count: entry.tableCount * 8)
      for start in stride(from: 0, to: table.count, by: 8) {
        let place = table[start..<start + 8].reduce(0) { $0 << 8 | UInt64($1) } & TableEntry.offsetMask
        if place != 0 { body(Int(place) >> geometry.clusterBits) }
      }
    }
  }
}
