// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator

/// The migration stream, version 1: a head, then records. docs/formats/migration-stream.md gives the bytes.
///
/// A record is its kind (a byte), the size of its contents (four), the contents, and a digest of them (eight) with the kind and
/// the record's number as seed: a record that is damaged, missing, or out of place is found.
enum MigrationStream {
  static let magic = Array("RRMIGRAT".utf8)
  static let version: UInt32 = 1
  static let headSize = 12
  /// Kind and size; the digest follows the contents.
  static let recordHeadSize = 5
  static let digestSize = 8

  enum Kind: UInt8 {
    /// `MigrationIdentity`; the first record.
    case identity = 1
    /// Up to `pagesPerRecord` pages.
    case pages = 2
    /// Part of what the guest wrote to a drive.
    case drive = 3
    /// Harts and devices.
    case state = 4
    /// What had arrived for the guest and was not delivered.
    case arrivals = 5
    /// All is there; the last record.
    case end = 6

    /// More is refused before it is read.
    var sizeLimit: Int {
      switch self {
      case .identity: 1 << 16
      case .pages: 16 + pagesPerRecord * GuestMemory.pageSize
      case .drive: 64 + driveLimit
      case .state: 64 << 20
      case .arrivals: 256 << 20
      case .end: 16
      }
    }
  }

  static let pagesPerRecord = 16
  /// Bytes of a drive in one record.
  static let driveLimit = 1 << 20

  static func head() -> [UInt8] {
    var writer = ByteWriter()
    writer.raw(magic)
    writer.uint32(version)
    return writer.bytes
  }

  static func digest(_ contents: UnsafeRawBufferPointer, _ kind: UInt8, number: UInt64) -> UInt64 {
    Digest.of(contents, seed: number << 8 | UInt64(kind))
  }

  /// The bytes of a record.
  static func record(_ kind: Kind, number: UInt64, _ contents: [UInt8]) -> [UInt8] {
    var writer = ByteWriter(reserving: contents.count + 16)
    writer.uint8(kind.rawValue)
    writer.uint32(UInt32(contents.count))
    writer.raw(contents)
    writer.uint64(contents.withUnsafeBytes { digest($0, kind.rawValue, number: number) })
    return writer.bytes
  }

  // MARK: Arrivals

  static func encode(_ arrivals: [Arrival]) -> [UInt8] {
    var writer = ByteWriter()
    for arrival in arrivals {
      switch arrival {
      case .consoleInput(let bytes):
        writer.uint8(1)
        writer.counted(bytes)
      case .blockCompletion(let completion):
        writer.uint8(2)
        writer.uint8(UInt8(completion.drive))
        writer.varint(completion.id)
        writer.bool(completion.succeeded)
        writer.counted(completion.data)
      // A frame on its way is lost, as when a cable is pulled out and put in elsewhere.
      case .frame: break
      case .link(let interface, let isUp):
        writer.uint8(5)
        writer.uint8(UInt8(interface))
        writer.bool(isUp)
      case .reset: writer.uint8(3)
      case .powerOff: writer.uint8(4)
      }
    }
    return writer.bytes
  }

  static func decodeArrivals(_ bytes: [UInt8], driveCount: Int) throws(ByteCodingError) -> [Arrival] {
    var reader = ByteReader(bytes)
    var arrivals: [Arrival] = []
    while !reader.isAtEnd {
      let start = reader.offset
      switch try reader.uint8() {
      case 1: arrivals.append(.consoleInput(Array(try reader.counted())))
      case 2:
        let drive = Int(try reader.uint8())
        guard drive < driveCount else {
          throw .malformed(offset: start, what: "an answer of a drive that is not there")
        }
        arrivals.append(
          .blockCompletion(
            BlockCompletion(
              drive: drive, id: try reader.varint(), succeeded: try reader.bool(),
              data: Array(try reader.counted()))))
      case 5: arrivals.append(.link(interface: Int(try reader.uint8()), isUp: try reader.bool()))
      case 3: arrivals.append(.reset)
      case 4: arrivals.append(.powerOff)
      default: throw .malformed(offset: start, what: "an arrival of an unknown kind")
      }
    }
    return arrivals
  }
}
