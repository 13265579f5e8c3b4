// SPDX-License-Identifier: Apache-2.0

import Debugging
import RecordingStore
import TimeTravel

extension Outcome {
  /// Where a replay stopped. How the guest ended the recorded run is how it ended the replay; what somebody else did to that run
  /// is over.
  func note(_ stop: Timeline.Stop, _ timeline: Timeline) {
    let ending = timeline.recording.manifest.ending
    let moment = timeline.now
    note(digests: timeline.digests)
    set { facts in
      facts.position = moment.position
      facts.time = moment.time
      facts.recordedEnd = ending?.kind
      facts.isSame = true
      switch stop {
      case .position, .stopPoint: facts.end = .position
      case .match: facts.end = .match
      case .incomplete: facts.end = .endOfRecording
      case .forkEnded:
        facts.end = .endOfRecording
        facts.isSame = nil
      case .end:
        facts.end = .endOfRecording
        guard let ending else { return }
        switch ending.kind {
        case .guestExit, .deadlock, .lost: facts.note(ending)
        default: break
        }
      }
    }
  }

  /// Where a debugger left the replay.
  func note(debuggerLeft target: TimelineTarget) {
    set { facts in
      // What failed has been noted, or will be.
      if facts.end == nil { facts.end = .debugger }
      facts.position = target.position
      facts.recordedEnd = target.recordedEnding?.kind
      facts.message = "left by the debugger at position \(target.position.grouped)"
    }
  }
}
