// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// What an image knows about one of its internal snapshots.
public struct SnapshotInfo: Equatable, Sendable {
  public let id: String
  public let name: String
  public let metadata: SnapshotMetadata
  /// The size of the vm state in bytes, 0 for none.
  public let vmStateSize: Int
  /// The size of the disk in the snapshot in bytes.
  public let diskSize: Int
}

/// What a snapshot records about the moment it stands for.
public struct SnapshotMetadata: Equatable, Sendable {
  /// Host time in seconds since the epoch, and the nanoseconds within that second.
  public var seconds: UInt32
  public var nanoseconds: UInt32
  /// Guest time in nanoseconds.
  public var vmClock: UInt64
  /// Instructions that the guest had executed, if they were counted.
  public var instructionCount: UInt64?

  public init(
    seconds: UInt32 = 0, nanoseconds: UInt32 = 0, vmClock: UInt64 = 0, instructionCount: UInt64? = nil
  ) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
    self.vmClock = vmClock
    self.instructionCount = instructionCount
  }
}

/// The snapshot table of a qcow2 image ("Snapshots" in the specification, with the instruction count that QEMU added in
/// bytes 56 to 63).
struct Qcow2SnapshotTable {
  struct Entry {
    var info: SnapshotInfo
    var l1Offset: Int
    var l1Count: Int
    /// Extra data that later versions of the format may define, kept as it is.
    var unknownExtra: [UInt8] = []
    /// Tells entries apart for as long as the image is open; identifiers can be used again.
    var serial: Int
  }

  private(set) var snapshots: [Entry] = []
  private(set) var offset: Int
  private(set) var byteCount = 0
  private var nextSerial = 0

  private static let fixedSize = 40
  private static let knownExtraSize = 24
  private static let maximumExtraSize = 1024
  private static let maximumSize = 64 << 20
  /// What QEMU writes as the instruction count when there is none.
  private static let noInstructionCount = UInt64.max

  init(reading file: ImageFile, header: Qcow2Header) throws(DiskImageError) {
    offset = header.snapshotsOffset
    let bounds = header.geometry.fileBounds(path: file.path, fileSize: file.size)
    var position = offset
    for number in 0..<header.snapshotCount {
      let what = "entry \(number) of its snapshot table"
      position = (position + 7) & ~7
      guard position + Self.fixedSize <= file.size, position - offset <= Self.maximumSize else {
        throw .damaged(file.path, "\(what) runs past the end of the file")
      }
      let fixed = try file.read(at: position, count: Self.fixedSize)
      // The reader only fails at the end of its bytes, and each is given as many as it needs.
      do {
        let (entry, size) = try Self.parse(
          fixed, at: position, serial: number, what: what, file: file, header: header, bounds: bounds)
        snapshots.append(entry)
        position += size
      } catch let error as DiskImageError {
        throw error
      } catch {
        throw .damaged(file.path, "\(what) contradicts itself")
      }
    }
    byteCount = position - offset
    nextSerial = header.snapshotCount
  }

  private static func parse(
    _ fixed: [UInt8], at position: Int, serial: Int, what: String, file: ImageFile, header: Qcow2Header,
    bounds: Qcow2Geometry.FileBounds
  ) throws -> (Entry, size: Int) {
    let path = file.path
    var reader = ByteReader(fixed)
    let l1Offset = try reader.bigEndianUInt64()
    let l1Count = try reader.bigEndianUInt32()
    let idSize = Int(try reader.bigEndianUInt16())
    let nameSize = Int(try reader.bigEndianUInt16())
    var metadata = SnapshotMetadata(
      seconds: try reader.bigEndianUInt32(), nanoseconds: try reader.bigEndianUInt32(),
      vmClock: try reader.bigEndianUInt64())
    var vmStateSize = UInt64(try reader.bigEndianUInt32())
    let extraSize = try reader.bigEndianUInt32()
    guard extraSize <= maximumExtraSize else {
      throw DiskImageError.damaged(path, "\(what) has \(extraSize) bytes of extra data")
    }
    let size = fixedSize + Int(extraSize) + idSize + nameSize
    guard size <= file.size - position else {
      throw DiskImageError.damaged(path, "\(what) runs past the end of the file")
    }
    let bytes = try file.read(at: position + fixedSize, count: size - fixedSize)
    var rest = ByteReader(bytes)
    var extra = ByteReader(try rest.raw(Int(extraSize)))
    var diskSize = UInt64(header.size)
    if extra.remaining >= 8 { vmStateSize = try extra.bigEndianUInt64() }
    if extra.remaining >= 8 { diskSize = try extra.bigEndianUInt64() }
    if extra.remaining >= 8 {
      let count = try extra.bigEndianUInt64()
      metadata.instructionCount = count == noInstructionCount ? nil : count
    }
    let unknownExtra = Array(try extra.raw(extra.remaining))
    guard let id = String(validating: try rest.raw(idSize), as: UTF8.self),
      let name = String(validating: try rest.raw(nameSize), as: UTF8.self)
    else { throw DiskImageError.damaged(path, "\(what) has a name that is not UTF-8") }
    guard diskSize <= UInt64(Int.max / 2), vmStateSize <= UInt64(Int.max / 4) else {
      throw DiskImageError.damaged(
        path, "\(what) states a disk of \(diskSize) and a vm state of \(vmStateSize) bytes")
    }
    let sectors = (Int(diskSize) + 511) / 512 * 512
    let l1Bytes = Int(l1Count) * 8
    try bounds.check(l1Offset, bytes: l1Bytes, what: "the L1 table of snapshot '\(name)'")
    let needed =
      header.geometry.l1Count(covering: sectors) + header.geometry.l1Count(covering: Int(vmStateSize))
    guard l1Bytes <= Qcow2Header.maximumL1Size, needed <= l1Count else {
      throw DiskImageError.damaged(path, "the L1 table of snapshot '\(name)' has \(l1Count) entries")
    }
    let info = SnapshotInfo(
      id: id, name: name, metadata: metadata, vmStateSize: Int(vmStateSize), diskSize: sectors)
    let entry = Entry(
      info: info, l1Offset: Int(l1Offset), l1Count: Int(l1Count), unknownExtra: unknownExtra, serial: serial)
    return (entry, size)
  }

  func index(named name: String) -> Int? { snapshots.firstIndex { $0.info.name == name } }

  /// One more than the largest identifier that is a number, as QEMU chooses them.
  var unusedID: String { String((snapshots.compactMap { UInt64($0.info.id) }.max() ?? 0) &+ 1) }

  mutating func append(_ info: SnapshotInfo, l1Offset: Int, l1Count: Int) {
    snapshots.append(Entry(info: info, l1Offset: l1Offset, l1Count: l1Count, serial: nextSerial))
    nextSerial += 1
  }

  mutating func remove(at index: Int) { snapshots.remove(at: index) }

  mutating func setPlace(_ offset: Int, byteCount: Int) {
    self.offset = offset
    self.byteCount = byteCount
  }

  func encoded() -> [UInt8] {
    var writer = ByteWriter()
    for entry in snapshots {
      let info = entry.info
      let (id, name) = (Array(info.id.utf8), Array(info.name.utf8))
      writer.raw([UInt8](repeating: 0, count: (8 - writer.count % 8) % 8))
      writer.bigEndianUInt64(UInt64(entry.l1Offset))
      writer.bigEndianUInt32(UInt32(entry.l1Count))
      writer.bigEndianUInt16(UInt16(id.count))
      writer.bigEndianUInt16(UInt16(name.count))
      writer.bigEndianUInt32(info.metadata.seconds)
      writer.bigEndianUInt32(info.metadata.nanoseconds)
      writer.bigEndianUInt64(info.metadata.vmClock)
      writer.bigEndianUInt32(UInt32(exactly: info.vmStateSize) ?? 0)
      writer.bigEndianUInt32(UInt32(Self.knownExtraSize + entry.unknownExtra.count))
      writer.bigEndianUInt64(UInt64(info.vmStateSize))
      writer.bigEndianUInt64(UInt64(info.diskSize))
      writer.bigEndianUInt64(info.metadata.instructionCount ?? Self.noInstructionCount)
      writer.raw(entry.unknownExtra)
      writer.raw(id)
      writer.raw(name)
    }
    return writer.bytes
  }
}
