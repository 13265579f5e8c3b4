// SPDX-License-Identifier: Apache-2.0

import Execution
import RecordingStore

extension ScratchDrives {
  /// The drives where a replay was left; what is written to them from here on stays in the replay's memory.
  init(leaving timeline: Timeline, pending: [UnansweredRequest], inbox: Inbox) {
    let workers = timeline.session.disks.enumerated().map { index, disk in
      BlockWorker(
        storage: ImageStorage(disk), inbox: inbox, unanswered: pending.filter { $0.drive == index })
    }
    self.init(manifests: timeline.recording.manifest.drives, workers: workers)
  }
}
