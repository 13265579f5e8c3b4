// SPDX-License-Identifier: Apache-2.0

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
}
