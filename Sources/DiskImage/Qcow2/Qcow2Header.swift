// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// The header of a qcow2 image, checked: every offset, count and size in it is sane for a file of this size.
struct Qcow2Header {
  static let magic: [UInt8] = [0x51, 0x46, 0x49, 0xfb]
  /// The size of the version 3 header that is written here, with the compression type and its padding.
  static let writtenSize = 112

  var version: UInt32 = 3
  var backingFile: String?
  var backingFormat: String?
  var geometry: Qcow2Geometry
  /// The virtual disk's size in bytes.
  var size: Int
  var l1Count: Int
  var l1Offset: Int
  var refcountTableOffset: Int
  var refcountTableClusters: Int
  var snapshotCount = 0
  var snapshotsOffset = 0
  var isDirty = false
  var autoclearFeatures: UInt64 = 0
  var compression = Qcow2Compression.zlib
  /// The name of the file that has the clusters of data, if it is another one.
  var dataFile: String?
  /// Where its dirty bitmaps are, if it has some.
  var bitmaps: Qcow2Bitmaps.Location?

  /// Places of the fields that are changed alone.
  static let refcountTableField = 48
  static let snapshotsField = 60
  static let autoclearField = 88

  /// QEMU's limits, so that what is written here opens there: sizes in bytes of the tables.
  static let maximumL1Size = 32 << 20
  static let maximumRefcountTableSize = 8 << 20
  static let maximumSnapshotCount = 65_536

  private enum IncompatibleFeature {
    static let dirty: UInt64 = 1 << 0
    static let corrupt: UInt64 = 1 << 1
    static let externalData: UInt64 = 1 << 2
    static let compressionType: UInt64 = 1 << 3
    static let extendedL2: UInt64 = 1 << 4
  }

  private enum Extension {
    static let end: UInt32 = 0
    static let backingFormat: UInt32 = 0xe279_2aca
    static let dataFile: UInt32 = 0x4441_5441
  }
}

extension Qcow2Header {
  init(reading file: ImageFile) throws(DiskImageError) {
    guard file.size >= 72 else { throw .damaged(file.path, "the file is too short for a qcow2 header") }
    // The header, its extensions and the backing file's name lie in the first cluster, of at most 2 MiB.
    let bytes = try file.read(at: 0, count: min(file.size, 1 << Qcow2Geometry.clusterBitsRange.upperBound))
    do {
      self = try Self.parse(bytes, path: file.path, fileSize: file.size)
    } catch let error as DiskImageError {
      throw error
    } catch {
      throw .damaged(file.path, "its header runs past the end of the file")
    }
  }

  private static func parse(_ bytes: [UInt8], path: String, fileSize: Int) throws -> Qcow2Header {
    var reader = ByteReader(bytes)
    guard Array(try reader.raw(4)) == magic else {
      throw DiskImageError(
        .damaged, path: path, problem: "it is not a qcow2 image",
        advice: "give its format, or check that this is the right file")
    }
    let version = try reader.bigEndianUInt32()
    guard version == 2 || version == 3 else {
      throw DiskImageError.unsupported(path, "version \(version) of the qcow2 format")
    }
    let backingOffset = try reader.bigEndianUInt64()
    let backingSize = try reader.bigEndianUInt32()
    let clusterBits = try reader.bigEndianUInt32()
    let size = try reader.bigEndianUInt64()
    let encryption = try reader.bigEndianUInt32()
    let l1Count = try reader.bigEndianUInt32()
    let l1Offset = try reader.bigEndianUInt64()
    let refcountTableOffset = try reader.bigEndianUInt64()
    let refcountTableClusters = try reader.bigEndianUInt32()
    let snapshotCount = try reader.bigEndianUInt32()
    let snapshotsOffset = try reader.bigEndianUInt64()
    var features: UInt64 = 0
    var autoclear: UInt64 = 0
    var refcountOrder: UInt32 = 4
    var headerSize: UInt32 = 72
    if version >= 3 {
      features = try reader.bigEndianUInt64()
      _ = try reader.bigEndianUInt64()  // compatible features change nothing for a reader, nor for a writer
      autoclear = try reader.bigEndianUInt64()
      refcountOrder = try reader.bigEndianUInt32()
      headerSize = try reader.bigEndianUInt32()
    }
    try checkFeatures(features, encryption: encryption, path: path)
    let allowedBits = Qcow2Geometry.clusterBitsRange
    guard allowedBits.contains(Int(clamping: clusterBits)) else {
      throw DiskImageError.damaged(path, "clusters of 2^\(clusterBits) bytes; 2^9 to 2^21 are possible")
    }
    guard refcountOrder <= 6 else {
      throw DiskImageError.damaged(
        path, "reference counts of 2^\(refcountOrder) bits; at most 64 bits are possible")
    }
    let geometry = Qcow2Geometry(
      clusterBits: Int(clusterBits), refcountOrder: Int(refcountOrder),
      hasSubclusters: features & IncompatibleFeature.extendedL2 != 0,
      hasExternalData: features & IncompatibleFeature.externalData != 0)
    guard !geometry.hasSubclusters || geometry.clusterBits >= Qcow2Geometry.subclusterBitsMinimum else {
      throw DiskImageError.damaged(
        path, "extended L2 entries with clusters of \(geometry.clusterSize) bytes; 16,384 are the least")
    }
    guard version == 2 || (headerSize >= 104 && headerSize % 8 == 0 && headerSize <= geometry.clusterSize)
    else {
      throw DiskImageError.damaged(path, "a header of \(headerSize) bytes")
    }
    guard size <= UInt64(Int.max / 2) else { throw DiskImageError.damaged(path, "a disk of \(size) bytes") }
    // Sizes that are not whole sectors are rounded up, as for raw images.
    let sectors = (Int(size) + 511) / 512 * 512
    let l1Bytes = Int(l1Count) * 8
    guard l1Bytes <= maximumL1Size, Int(l1Count) >= geometry.l1Count(covering: sectors) else {
      throw DiskImageError.damaged(path, "an L1 table of \(l1Count) entries for a disk of \(size) bytes")
    }
    let tables = geometry.fileBounds(path: path, fileSize: fileSize)
    try tables.check(l1Offset, bytes: l1Bytes, what: "its L1 table")
    let refcountTableBytes = Int(refcountTableClusters) * geometry.clusterSize
    guard refcountTableBytes > 0, refcountTableBytes <= max(maximumRefcountTableSize, geometry.clusterSize)
    else {
      throw DiskImageError.damaged(path, "a reference count table of \(refcountTableClusters) clusters")
    }
    try tables.check(refcountTableOffset, bytes: refcountTableBytes, what: "its reference count table")
    guard snapshotCount <= maximumSnapshotCount else {
      throw DiskImageError.damaged(path, "\(snapshotCount) snapshots")
    }
    if snapshotCount > 0 { try tables.check(snapshotsOffset, bytes: 1, what: "its snapshot table") }

    var header = Qcow2Header(
      geometry: geometry, size: sectors, l1Count: Int(l1Count), l1Offset: Int(l1Offset),
      refcountTableOffset: Int(refcountTableOffset), refcountTableClusters: Int(refcountTableClusters))
    header.version = version
    header.snapshotCount = Int(snapshotCount)
    header.snapshotsOffset = snapshotCount > 0 ? Int(snapshotsOffset) : 0
    header.isDirty = features & IncompatibleFeature.dirty != 0
    header.autoclearFeatures = autoclear
    header.compression = try compression(
      headerSize > 104 && bytes.count > 104 ? bytes[104] : 0,
      isMarked: features & IncompatibleFeature.compressionType != 0, path: path)
    let firstCluster = bytes.prefix(geometry.clusterSize)
    try header.parseExtensions(firstCluster, from: Int(headerSize), path: path)
    if geometry.hasExternalData, header.dataFile == nil {
      throw DiskImageError.damaged(path, "it does not name the external data file that it says it has")
    }
    if backingOffset != 0 {
      guard backingSize <= 1023, backingOffset <= UInt64(firstCluster.count),
        Int(backingOffset) + Int(backingSize) <= firstCluster.count
      else {
        throw DiskImageError.damaged(path, "the name of its backing file lies outside its first cluster")
      }
      let name = firstCluster[Int(backingOffset)..<Int(backingOffset) + Int(backingSize)]
      guard let text = String(validating: name, as: UTF8.self) else {
        throw DiskImageError.damaged(path, "the name of its backing file is not UTF-8")
      }
      // An empty name means no backing file, as in QEMU.
      header.backingFile = text.isEmpty ? nil : text
    }
    return header
  }

  private static func checkFeatures(_ features: UInt64, encryption: UInt32, path: String)
    throws(DiskImageError)
  {
    switch encryption {
    case 0: break
    case 1: throw .unsupported(path, "AES encryption")
    case 2: throw .unsupported(path, "LUKS encryption")
    default: throw .unsupported(path, "encryption method \(encryption)")
    }
    if features & IncompatibleFeature.corrupt != 0 {
      throw .damaged(path, "it is marked as corrupt")
    }
    let known =
      IncompatibleFeature.dirty | IncompatibleFeature.externalData | IncompatibleFeature.compressionType
      | IncompatibleFeature.extendedL2
    let unknown = features & ~known
    if unknown != 0 { throw .unsupported(path, "incompatible feature bit \(unknown.trailingZeroBitCount)") }
  }

  /// The feature bit keeps those away who know of zlib alone; QEMU opens no image in which it and the type disagree.
  private static func compression(
    _ type: UInt8, isMarked: Bool, path: String
  ) throws(DiskImageError) -> Qcow2Compression {
    guard let compression = Qcow2Compression(rawValue: type) else {
      throw .unsupported(path, "compression type \(type)")
    }
    guard isMarked == (compression != .zlib) else {
      throw .damaged(path, "its compression type and its features contradict each other")
    }
    return compression
  }

  private mutating func parseExtensions(_ cluster: ArraySlice<UInt8>, from offset: Int, path: String) throws {
    guard offset <= cluster.count else {
      throw DiskImageError.damaged(path, "its header runs past the end of the file")
    }
    var reader = ByteReader(cluster.dropFirst(offset))
    // Version 2 headers may be followed at once by the backing file's name, or by nothing.
    while reader.remaining >= 8 {
      let kind = try reader.bigEndianUInt32()
      let count = Int(try reader.bigEndianUInt32())
      if kind == Extension.end { return }
      guard count <= reader.remaining else {
        throw DiskImageError.damaged(path, "a header extension of \(count) bytes runs past the first cluster")
      }
      let data = try reader.raw(count)
      if kind == Extension.backingFormat {
        guard let text = String(validating: data, as: UTF8.self) else {
          throw DiskImageError.damaged(path, "the format of its backing file is not UTF-8")
        }
        backingFormat = text.isEmpty ? nil : text
      }
      if kind == Extension.dataFile {
        guard let text = String(validating: data, as: UTF8.self), !text.isEmpty else {
          throw DiskImageError.damaged(path, "the name of its external data file is not UTF-8")
        }
        dataFile = text
      }
      if kind == Qcow2Bitmaps.Location.extensionType { bitmaps = try Self.bitmaps(data, path: path) }
      _ = try reader.raw(min((8 - count % 8) % 8, reader.remaining))
    }
  }

  private static func bitmaps(_ data: ArraySlice<UInt8>, path: String) throws -> Qcow2Bitmaps.Location {
    var reader = ByteReader(data)
    let count = try reader.bigEndianUInt32()
    _ = try reader.raw(4)
    let size = try reader.bigEndianUInt64()
    let offset = try reader.bigEndianUInt64()
    guard let size = Int(exactly: size), let offset = Int(exactly: offset) else {
      throw DiskImageError.damaged(path, "the directory of its dirty bitmaps lies past the end of the file")
    }
    return .init(count: Int(count), size: size, offset: offset)
  }

  /// The first bytes of a new version 3 image, up to the end of the backing file's name; nil when they do not fit in a
  /// cluster.
  func encoded() -> [UInt8]? {
    var extensions = ByteWriter()
    if let backingFormat {
      let text = Array(backingFormat.utf8)
      extensions.bigEndianUInt32(Extension.backingFormat)
      extensions.bigEndianUInt32(UInt32(text.count))
      extensions.raw(text)
      extensions.raw([UInt8](repeating: 0, count: (8 - text.count % 8) % 8))
    }
    extensions.bigEndianUInt32(Extension.end)
    extensions.bigEndianUInt32(0)
    let name = Array((backingFile ?? "").utf8)
    guard name.count <= 1023, Self.writtenSize + extensions.count + name.count <= geometry.clusterSize else {
      return nil
    }

    var writer = ByteWriter(reserving: geometry.clusterSize)
    writer.raw(Self.magic)
    writer.bigEndianUInt32(version)
    writer.bigEndianUInt64(name.isEmpty ? 0 : UInt64(Self.writtenSize + extensions.count))
    writer.bigEndianUInt32(UInt32(name.count))
    writer.bigEndianUInt32(UInt32(geometry.clusterBits))
    writer.bigEndianUInt64(UInt64(size))
    writer.bigEndianUInt32(0)  // not encrypted
    writer.bigEndianUInt32(UInt32(l1Count))
    writer.bigEndianUInt64(UInt64(l1Offset))
    writer.bigEndianUInt64(UInt64(refcountTableOffset))
    writer.bigEndianUInt32(UInt32(refcountTableClusters))
    writer.bigEndianUInt32(UInt32(snapshotCount))
    writer.bigEndianUInt64(UInt64(snapshotsOffset))
    writer.bigEndianUInt64(0)  // incompatible features
    writer.bigEndianUInt64(0)  // compatible features
    writer.bigEndianUInt64(0)  // autoclear features
    writer.bigEndianUInt32(UInt32(geometry.refcountOrder))
    writer.bigEndianUInt32(UInt32(Self.writtenSize))
    writer.uint8(0)  // compression type: zlib
    writer.raw([UInt8](repeating: 0, count: 7))
    writer.raw(extensions.bytes)
    writer.raw(name)
    return writer.bytes
  }
}
