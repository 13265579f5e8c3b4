// SPDX-License-Identifier: Apache-2.0

import HostSystem
import Inspection
import RecordingStore
import ReplayLog
import TimeTravel

/// A recording that is looked into, with its log.
struct ViewedRecording {
  let recording: Recording
  let log: ReplayLogReader
  private let context: PositionExpression.Context

  /// - Parameter onlyLog: nothing but the manifest and the log are looked at.
  init(_ argument: RecordingArgument, onlyLog: Bool = false) throws {
    (recording, log, context) = try Recordings.open(argument.recording, argument.bases, onlyLog: onlyLog)
      .lookingAgain { (recording) throws(Failure) in
        let log = try recording.openLog()
        return (recording, log, try Timeline.context(of: recording, log: log, current: nil))
      }
  }

  func position(_ text: String?, option: String, otherwise: UInt64) throws(Failure) -> UInt64 {
    guard let text else { return otherwise }
    return try PositionExpression.parsed(text, option: option).resolve(in: context)
  }

  func facts() throws(Failure) -> RecordingFacts {
    try recording.lookingAgain { (recording) throws(Failure) in try RecordingFacts(recording) }
  }

  func show(_ report: @autoclosure () throws -> Report, _ format: ReportFormat) throws {
    try reading { try report().show(format) }
  }

  /// What is wrong with the log is told as what is wrong with any file.
  func reading<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as ReplayLogError {
      throw Failure(error)
    }
  }
}
