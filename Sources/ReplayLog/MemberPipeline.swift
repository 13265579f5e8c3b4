// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem
import Synchronization

/// Compresses and writes members on a thread of its own, in the order they are given.
///
/// At most `depth` members wait; giving one more waits until the thread has caught up. The first error stays: nothing
/// is written after it, and the file is cut back to its last whole member.
///
/// Sendable: `isFailed` and `progress` guard themselves, and everything else is touched on `queue` alone.
final class MemberPipeline: @unchecked Sendable {
  struct Member: Sendable {
    var content: [UInt8]
    var lateDigests: [LateDigests]
    var eventCount: Int
    var firstEvent: UInt64
    var first: LogMoment

    /// `content` with the digests that were not known when it was made.
    func finishedContent() -> [UInt8] {
      var content = content
      for digests in lateDigests { digests.put(into: &content) }
      return content
    }
  }

  /// Digests whose event is encoded already, with zeros in their place.
  struct LateDigests: Sendable {
    /// Where in the member's content the values stand, 8 bytes each, and how many.
    var offset: Int
    var count: Int
    var values: @Sendable () -> [UInt64]

    func put(into content: inout [UInt8]) {
      let values = values()
      precondition(values.count == count, "not a digest for each component")
      content.withUnsafeMutableBytes { bytes in
        for (index, value) in values.enumerated() {
          bytes.storeBytes(of: value.littleEndian, toByteOffset: offset + 8 * index, as: UInt64.self)
        }
      }
    }
  }

  private struct Progress {
    var byteCount: UInt64 = 0
    var failure: ReplayLogError?
  }

  /// On `queue` only, as is `header`.
  private var file: LogFile
  private var header: ReplayLogHeader?
  private let level: Int32
  private let queue = SerialWorker()
  private let places: Places
  private let isFailed = Atomic(false)
  private let progress = Mutex(Progress())
  /// On `queue` only.
  private var index = MemberIndex()

  init(file: LogFile, level: Int32, depth: Int) {
    self.file = file
    self.level = level
    places = Places(count: depth)
  }

  /// Bytes written to the file.
  var byteCount: UInt64 { progress.withLock { $0.byteCount } }

  /// Throws the error that stopped the writing, if one did. Cheap while none has.
  func check() throws(ReplayLogError) {
    if isFailed.load(ordering: .acquiring), let failure = progress.withLock({ $0.failure }) { throw failure }
  }

  /// Writes the header and waits for it, so that a log that exists has one as soon as it can.
  func writeHeader(_ header: ReplayLogHeader, firstEvent: UInt64) throws(ReplayLogError) {
    queue.sync {
      self.header = header
      write { _ in encoded(header, firstEvent: firstEvent) }
    }
    try check()
  }

  private func encoded(_ header: ReplayLogHeader, firstEvent: UInt64) -> [UInt8] {
    LogMember.encode(
      .header, content: header.encoded(), eventCount: 0, firstEvent: firstEvent, first: header.start,
      level: level)
  }

  func submit(_ member: Member) {
    places.take()
    queue.async { [self] in
      write { offset in
        index.entries.append(.init(offset: offset, firstEvent: member.firstEvent, first: member.first))
        return LogMember.encode(
          .events, content: member.finishedContent(), eventCount: member.eventCount,
          firstEvent: member.firstEvent,
          first: member.first, level: level)
      }
      places.giveBack()
    }
  }

  /// Has digests computed that will come with a member, after what was given before.
  func prepare(_ values: @escaping @Sendable () -> [UInt64]) { queue.async { _ = values() } }

  /// Waits until every member given is in the file.
  func drain() throws(ReplayLogError) {
    queue.sync {}
    try check()
  }

  /// Drops members at the front that hold only events before `number`, once they are half of the file: the rest is
  /// copied to a new file, which takes the place of the old one at `path` all at once. Does not wait.
  func drop(eventsBefore number: UInt64, path: String) {
    queue.async { [self] in
      if isFailed.load(ordering: .acquiring) { return }
      guard let first = index.entries.lastIndex(where: { $0.firstEvent <= number }), first > 0,
        index.entries[first].offset > byteCount / 2
      else { return }
      do throws(ReplayLogError) { try drop(membersBefore: first, path: path) } catch { fail(error) }
    }
  }

  private func drop(membersBefore first: Int, path: String) throws(ReplayLogError) {
    guard var header else { preconditionFailure("the header is written before any member") }
    let start = index.entries[first]
    header.version = ReplayLogHeader.droppedVersion
    header.start = start.first
    let workPath = path + ".new"
    unlink(workPath)
    let old = try LogFile.open(path)
    let new = try LogFile.create(workPath)
    do throws(ReplayLogError) {
      let head = encoded(header, firstEvent: start.firstEvent)
      try new.append(head)
      var offset = start.offset
      let end = byteCount
      while offset < end {
        let bytes = try old.read(Int(min(1 << 20, end - offset)), at: offset)
        guard !bytes.isEmpty else {
          throw ReplayLogError(file: path, offset: offset, problem: .damaged("it has become shorter"))
        }
        try new.append(bytes)
        offset += UInt64(bytes.count)
      }
      guard rename(workPath, path) == 0 else {
        throw ReplayLogError(file: path, problem: .system(operation: "replace it", code: errno))
      }
      index.entries.removeFirst(first)
      for number in index.entries.indices {
        index.entries[number].offset = index.entries[number].offset - start.offset + UInt64(head.count)
      }
      file = new
      self.header = header
      progress.withLock { $0.byteCount = end - start.offset + UInt64(head.count) }
    } catch {
      unlink(workPath)
      throw error
    }
  }

  /// Writes index and trailing member after everything given before.
  func finish(eventCount: UInt64, last: LogMoment) throws(ReplayLogError) {
    queue.sync {
      let offset = byteCount
      for content in index.encoded() {
        write { _ in
          LogMember.encode(
            .index, content: content, eventCount: 0, firstEvent: eventCount, first: last, level: level)
        }
      }
      write { _ in
        LogMember.encode(
          .trailing, content: [], eventCount: 0, firstEvent: eventCount, first: last, level: level,
          indexLocation: .init(offset: offset, entryCount: UInt64(index.entries.count)))
      }
      if isFailed.load(ordering: .acquiring) { return }
      do throws(ReplayLogError) { try file.checkWritten() } catch { fail(error) }
    }
    try check()
  }

  /// Appends what `member` makes, unless writing has failed. On `queue`.
  private func write(_ member: (_ offset: UInt64) -> [UInt8]) {
    if isFailed.load(ordering: .acquiring) { return }
    let offset = byteCount
    let bytes = member(offset)
    do throws(ReplayLogError) {
      try file.append(bytes)
      progress.withLock { $0.byteCount += UInt64(bytes.count) }
    } catch {
      file.cut(to: offset)
      fail(error)
    }
  }

  private func fail(_ error: ReplayLogError) {
    progress.withLock { $0.failure = error }
    isFailed.store(true, ordering: .releasing)
  }
}

/// How many members may still wait.
///
/// Sendable: the count is touched within `lock` alone.
private final class Places: @unchecked Sendable {
  private let lock = ConditionLock()
  private var count: Int

  init(count: Int) { self.count = count }

  /// Waits for one.
  func take() {
    lock.withLock {
      while count == 0 { lock.wait() }
      count -= 1
    }
  }

  func giveBack() {
    lock.withLock {
      count += 1
      lock.wakeAll()
    }
  }
}
