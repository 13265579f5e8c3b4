// SPDX-License-Identifier: Apache-2.0

import HostSystem

extension RecordingManifest {
  /// Checks a name that a user gives to a new snapshot; `option` is what the message is about.
  package static func checkNewSnapshotName(_ name: String, option: String) throws(Failure) {
    guard isSnapshotName(name) else {
      throw Failure(
        .usage, option, "cannot be the name of a snapshot",
        remedy: "use a letter, then letters, digits, '-', '_' and '.', not 'start' or 'end'")
    }
    guard !SnapshotPolicy.isAutomaticName(name), name != branchBootSnapshot else {
      throw Failure(
        .usage, option, "is a name that rrtool gives to snapshots of its own", remedy: "choose another name")
    }
  }
}
