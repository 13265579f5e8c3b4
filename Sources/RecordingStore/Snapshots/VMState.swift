// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import HostSystem

/// All of a machine's state at a snapshot that is neither memory nor disk: what the vm-state area of `vmstate.qcow2`
/// holds for it. docs/formats/recording.md gives the bytes.
package struct VMState: Equatable, Sendable {
  package static let version: UInt32 = 1
  private static let magic = Array("RRVMSTAT".utf8)
  /// More is refused before anything is read.
  package static let sizeLimit = 256 << 20

  package var moment: Moment
  /// `Machine.saveState()`.
  package var machine: [UInt8]
  /// `Machine.digests()`, to be compared when the state is loaded.
  package var digests: [UInt64]
  /// The log's event with which a replay goes on.
  package var nextEvent: UInt64
  /// Bytes of that event, console output, that were written before.
  package var matchedOutput: Int
  /// Requests to drives that were made and not answered.
  package var pending: [UnansweredRequest]

  package init(
    moment: Moment, machine: [UInt8], digests: [UInt64], nextEvent: UInt64, matchedOutput: Int,
    pending: [UnansweredRequest]
  ) {
    self.moment = moment
    self.machine = machine
    self.digests = digests
    self.nextEvent = nextEvent
    self.matchedOutput = matchedOutput
    self.pending = pending
  }

  private enum Tag: UInt32, CaseIterable {
    case moment = 0x544e_4d4d  // "MMNT"
    case machine = 0x4843_414d  // "MACH"
    case digests = 0x5347_4944  // "DIGS"
    case log = 0x20_474f4c  // "LOG "
    case pending = 0x444e_4550  // "PEND"
  }

  package func encoded() -> [UInt8] {
    var writer = ByteWriter(reserving: machine.count + 1024)
    writer.raw(Self.magic)
    writer.uint32(Self.version)
    writer.uint32(UInt32(Tag.allCases.count))
    for tag in Tag.allCases {
      let section = section(tag)
      writer.uint32(tag.rawValue)
      writer.uint64(UInt64(section.count))
      writer.raw(section)
    }
    writer.uint64(Digest.of(writer.bytes))
    return writer.bytes
  }

  private func section(_ tag: Tag) -> [UInt8] {
    var writer = ByteWriter()
    switch tag {
    case .moment:
      writer.uint64(moment.position)
      writer.uint64(moment.time)
    case .machine:
      return machine
    case .digests:
      writer.varint(UInt64(digests.count))
      for digest in digests { writer.uint64(digest) }
    case .log:
      writer.varint(nextEvent)
      writer.varint(UInt64(matchedOutput))
    case .pending:
      writer.varint(UInt64(pending.count))
      for result in pending {
        writer.varint(UInt64(result.drive))
        writer.varint(result.id)
        writer.counted(result.data)
      }
    }
    return writer.bytes
  }
}

extension VMState {
  /// Reads what `encoded` gives; `file` and `snapshot` are for messages.
  package init(decoding bytes: [UInt8], file: String, snapshot: String) throws(Failure) {
    func damaged(_ what: String) -> Failure {
      Failure(
        .damaged, file, "the state of snapshot \(snapshot) is damaged: \(what)",
        remedy: "use another snapshot, or restore the file from a copy")
    }
    guard bytes.count >= Self.magic.count + 16, Array(bytes.prefix(Self.magic.count)) == Self.magic else {
      throw damaged("it is not a machine's state")
    }
    let version = UInt32(bytes[8]) | UInt32(bytes[9]) << 8 | UInt32(bytes[10]) << 16 | UInt32(bytes[11]) << 24
    guard version == Self.version else {
      throw Failure(
        .newerFormat, file,
        "snapshot \(snapshot) has state format \(version), this rrtool reads \(Self.version)",
        remedy: "use the rrtool that made it, or a newer one")
    }
    let body = bytes.count - 8
    let digest = bytes.withUnsafeBytes { Digest.of(UnsafeRawBufferPointer(rebasing: $0[..<body])) }
    do throws(ByteCodingError) {
      var trailer = ByteReader(bytes[body...])
      guard try trailer.uint64() == digest else {
        throw .malformed(offset: body, what: "its digest is not that of its bytes")
      }
      try self.init(sections: Self.sections(of: bytes[12..<body]))
    } catch {
      switch error {
      case .truncated: throw damaged("it is cut off")
      case .malformed(_, let what): throw damaged(what)
      }
    }
  }

  private static func sections(of bytes: ArraySlice<UInt8>) throws(ByteCodingError) -> [Tag: ArraySlice<
    UInt8
  >] {
    var reader = ByteReader(bytes)
    var sections: [Tag: ArraySlice<UInt8>] = [:]
    for _ in 0..<(try reader.uint32()) {
      let offset = reader.offset
      guard let tag = Tag(rawValue: try reader.uint32()) else {
        throw .malformed(offset: offset, what: "a section of an unknown kind")
      }
      sections[tag] = try reader.raw(Int(clamping: try reader.uint64()))
    }
    return sections
  }

  private init(sections: [Tag: ArraySlice<UInt8>]) throws(ByteCodingError) {
    func reader(_ tag: Tag) throws(ByteCodingError) -> ByteReader {
      guard let bytes = sections[tag] else { throw .malformed(offset: 0, what: "a section is missing") }
      return ByteReader(bytes)
    }
    var part = try reader(.moment)
    moment = Moment(position: try part.uint64(), time: try part.uint64())
    part = try reader(.machine)
    machine = Array(try part.raw(part.remaining))
    part = try reader(.digests)
    let count = try part.varint()
    guard count <= UInt64(part.remaining / 8) else { throw .malformed(offset: 0, what: "too many digests") }
    digests = []
    for _ in 0..<count { digests.append(try part.uint64()) }
    part = try reader(.log)
    nextEvent = try part.varint()
    matchedOutput = Int(clamping: try part.varint())
    part = try reader(.pending)
    pending = []
    for _ in 0..<(try part.varint()) {
      let drive = Int(clamping: try part.varint())
      guard drive < MachineConfiguration.driveCountLimit else {
        throw .malformed(offset: part.offset, what: "a request to a drive that cannot be")
      }
      pending.append(.init(drive: drive, id: try part.varint(), data: Array(try part.counted())))
    }
  }
}
