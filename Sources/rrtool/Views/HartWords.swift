// SPDX-License-Identifier: Apache-2.0

import HostSystem
import RecordingStore

/// Harts as users name them.
enum HartWords {
  /// The hart that was asked for, which the recorded machine must have; nil where none was.
  static func checked(_ hart: Int?, of recording: Recording) throws(Failure) -> Int? {
    let count = recording.manifest.configuration.hartCount
    guard let hart, !(0..<count).contains(hart) else { return hart }
    throw Failure(
      .usage, "--hart \(hart)", "is no hart of this machine", remedy: "give one from 0 to \(count - 1)")
  }
}
