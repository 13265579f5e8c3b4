// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Reads single members of a log.
struct MemberReader {
  let file: LogFile
  let header: ReplayLogHeader

  /// All events of the member at `entry`, which must take exactly `byteCount` bytes and agree with the entry.
  func events(of entry: MemberIndex.Entry, byteCount: UInt64) throws(ReplayLogError) -> [LogEvent] {
    func damaged(_ what: String) -> ReplayLogError {
      ReplayLogError(file: file.path, offset: entry.offset, problem: .damaged(what))
    }
    let (member, content) = try Self.read(file, at: entry.offset)
    guard member.kind == .events, UInt64(member.byteCount) == byteCount,
      member.firstEvent == entry.firstEvent,
      member.first == entry.first
    else { throw damaged("a member is not the one that belongs there") }
    guard
      var decoder = EventDecoder(
        content, header: header, firstEvent: entry.firstEvent, first: entry.first)
    else { throw damaged("a member starts at no possible moment") }

    var events: [LogEvent] = []
    // A small event takes three bytes, so this is bounded by the content, whatever the member claims.
    events.reserveCapacity(min(Int(member.eventCount), content.count / 3))
    do throws(EventDecoder.Failure) {
      while !decoder.isAtEnd { events.append(try decoder.next()) }
    } catch {
      switch error {
      case .malformed(let what): throw damaged(what)
      case .unknownKind(let kind):
        throw ReplayLogError(file: file.path, offset: entry.offset, problem: .unknownKind(kind))
      }
    }
    guard events.count == Int(member.eventCount), events.first?.moment == entry.first else {
      throw damaged("a member holds other events than it states")
    }
    return events
  }

  /// The member at `offset` and what it unpacks to, its checksums proven.
  static func read(_ file: LogFile, at offset: UInt64) throws(ReplayLogError) -> (LogMember, [UInt8]) {
    let bytes = try file.read(LogMember.byteCountLimit, at: offset)
    guard let member = LogMember(head: bytes), member.byteCount <= bytes.count else {
      throw ReplayLogError(file: file.path, offset: offset, problem: .damaged("no whole member starts here"))
    }
    do throws(ZlibError) {
      let gzip = try GzipMember(decoding: bytes[..<member.byteCount], maximumSize: LogMember.contentLimit)
      return (member, gzip.payload)
    } catch {
      let what =
        switch error {
        case .truncated: "a member's data end too soon"
        case .tooLarge(let limit): "a member unpacks to more than \(limit) bytes"
        case .damaged(let what): "a member does not unpack (\(what))"
        }
      throw ReplayLogError(file: file.path, offset: offset, problem: .damaged(what))
    }
  }
}
