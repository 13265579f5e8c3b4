// SPDX-License-Identifier: Apache-2.0

import HostSystem
import RecordingStore
import ReplayLog

/// For those who go back in a run that is being recorded.
extension Recorder {
  /// Waits until the files are where the recording says.
  package func waitUntilInPlace() { waitForReplacement() }

  /// Events of the log so far; all output is among them.
  package func countEvents() -> UInt64 {
    gate.flushOutput()
    return sink.writer.eventCount
  }

  /// Where a snapshot was made that the recording has got so far; nil when there is none of that name.
  package func position(ofSnapshot name: String) -> UInt64? { schedule.position(of: name) }

  /// The log of the run up to where the machine stands.
  package func openLogSoFar() throws(Failure) -> ReplayLogReader {
    gate.flushOutput()
    if let failure = sink.failure { throw failure }
    return try withLogFailures { () throws(ReplayLogError) in
      try sink.writer.drain()
      return try ReplayLogReader(opening: recording.logPathOfRecorder)
    }
  }
}
