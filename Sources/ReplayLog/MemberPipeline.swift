import Dispatch
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
    var eventCount: Int
    var firstEvent: UInt64
    var first: LogMoment
  }

  private struct Progress {
    var byteCount: UInt64 = 0
    var failure: ReplayLogError?
  }

  private let file: LogFile
  private let level: Int32
  private let queue = DispatchQueue(label: "rrtool.replay-log")
  private let places = DispatchSemaphore(value: 0)
  private let isFailed = Atomic(false)
  private let progress = Mutex(Progress())
  /// On `queue` only.
  private var index = MemberIndex()

  init(file: LogFile, level: Int32, depth: Int) {
    self.file = file
    self.level = level
    // Started from zero, because a semaphore must not end below the value it was made with.
    for _ in 0..<depth { places.signal() }
  }

  /// Bytes written to the file.
  var byteCount: UInt64 { progress.withLock { $0.byteCount } }

  /// Throws the error that stopped the writing, if one did. Cheap while none has.
  func check() throws(ReplayLogError) {
    if isFailed.load(ordering: .acquiring), let failure = progress.withLock({ $0.failure }) { throw failure }
  }

  /// Writes the header and waits for it, so that a log that exists has one as soon as it can.
  func writeHeader(_ header: ReplayLogHeader) throws(ReplayLogError) {
    let content = header.encoded()
    queue.sync {
      write { _ in
        LogMember.encode(
          .header, content: content, eventCount: 0, firstEvent: 0, first: header.start, level: self.level)
      }
    }
    try check()
  }

  func submit(_ member: Member) {
    places.wait()
    queue.async { [self] in
      write { offset in
        index.entries.append(.init(offset: offset, firstEvent: member.firstEvent, first: member.first))
        return LogMember.encode(
          .events, content: member.content, eventCount: member.eventCount, firstEvent: member.firstEvent,
          first: member.first, level: level)
      }
      places.signal()
    }
  }

  /// Waits until every member given is in the file.
  func drain() throws(ReplayLogError) {
    queue.sync {}
    try check()
  }

  /// Waits until every member given is in the file, and the file on the disk.
  func synchronize() throws(ReplayLogError) {
    queue.sync {
      if isFailed.load(ordering: .acquiring) { return }
      do throws(ReplayLogError) { try file.synchronize() } catch { fail(error) }
    }
    try check()
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
