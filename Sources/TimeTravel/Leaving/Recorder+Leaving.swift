// SPDX-License-Identifier: Apache-2.0

import Execution
import HostSystem
import RecordingStore

extension Recorder {
  /// The same for a run that goes on where a replay was left. The new recording needs nothing of the old one, but
  /// the base images of its drives.
  public convenience init(
    leaving timeline: Timeline, networks: [NetworkOptions] = [], _ options: Options, inbox: Inbox,
    console: any ConsoleOutput, control: RunControl? = nil
  ) throws(Failure) {
    try self.init(options, inbox: inbox, console: console, control: control) { (folder) throws(Failure) in
      let origin = try RunOrigin(leaving: timeline, networks: networks)
      return (try RecordedDrives(leaving: timeline, in: folder), origin)
    }
  }
}
