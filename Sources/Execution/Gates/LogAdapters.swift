// SPDX-License-Identifier: Apache-2.0

import Emulator
import HostSystem
import RecordingStore
import ReplayLog

/// The log of a recording as a place for events.
///
/// Whoever kills the recorder loses what it kept back: half a second's events at most are. A log that cannot be
/// written ends the run, through the inbox.
final class LogSink: EventSink {
  private static let flushInterval: UInt64 = 500_000_000
  /// Calls of `tick` for each look at the host's clock: some milliseconds lie between two looks.
  private static let ticksPerLook = 64

  let writer: ReplayLogWriter
  private let inbox: Inbox
  private let sleeps: Bool
  private var hasUnflushed = false
  private var lastFlush = HostClock.monotonic()
  private var ticksToLook = ticksPerLook
  private(set) var failure: Failure?

  init(writer: ReplayLogWriter, inbox: Inbox, sleeps: Bool) {
    self.writer = writer
    self.inbox = inbox
    self.sleeps = sleeps
  }

  func append(_ payload: LogPayload, at moment: LogMoment) {
    guard failure == nil else { return }
    hasUnflushed = true
    attempt { () throws(ReplayLogError) in try writer.append(payload, at: moment) }
  }

  func append(_ digests: PendingDigests, at moment: LogMoment) {
    guard failure == nil else { return }
    hasUnflushed = true
    attempt { () throws(ReplayLogError) in try writer.append(digests: { digests.values() }, at: moment) }
  }

  func tick() {
    guard hasUnflushed else { return }
    ticksToLook -= 1
    guard ticksToLook <= 0 else { return }
    ticksToLook = Self.ticksPerLook
    guard HostClock.monotonic() - lastFlush >= Self.flushInterval else { return }
    writeOut()
  }

  func rest(nanoseconds: UInt64?) {
    guard hasUnflushed, sleeps || nanoseconds == nil, nanoseconds ?? .max >= Self.flushInterval else {
      return
    }
    writeOut()
  }

  /// Gives the events so far to the writing thread; nil when the log cannot be written.
  func flush() -> WrittenLog? {
    writeOut()
    return failure == nil ? writer.written : nil
  }

  private func writeOut() {
    hasUnflushed = false
    lastFlush = HostClock.monotonic()
    guard failure == nil else { return }
    attempt { () throws(ReplayLogError) in try writer.flush() }
  }

  private func attempt<Result>(_ body: () throws(ReplayLogError) -> Result) {
    do throws(ReplayLogError) {
      _ = try body()
    } catch {
      let failure = Failure(error)
      self.failure = failure
      inbox.report(failure)
    }
  }
}

/// The log of a recording as a source of events, from a given event on.
package final class LogEventSource: EventSource {
  private let cursor: ReplayLogCursor

  package init(_ log: ReplayLogReader, from number: UInt64) throws(Failure) {
    cursor = log.makeCursor()
    try seek(toEvent: number)
  }

  package func seek(toEvent number: UInt64) throws(Failure) {
    try withLogFailures({ () throws(ReplayLogError) in try cursor.seek(toEvent: number) })
  }

  package func next() throws(Failure) -> LogEvent? {
    try withLogFailures({ () throws(ReplayLogError) in try cursor.next() })
  }
}
