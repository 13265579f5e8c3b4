// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// A recording that takes the place of another one when it is there, and not when it begins to be made.
extension Recording {
  /// Where to make a recording that may later stand at `target`: beside it, under a name that the next recorder takes away when this process is
  /// killed before.
  package static func waitingPlace(for target: String) -> String {
    let parent = HostFiles.parentFolder(of: target)
    return "\(parent)/\(RecordingFolder.workName(for: HostFiles.lastName(of: target)))"
  }

  /// Refuses a place where something stands that is no recording, or one that somebody uses.
  package static func checkIsReplaceable(_ target: String) throws(Failure) {
    let old = try RecordingFolder.takeReplaceable(target, force: true)
    defer { withExtendedLifetime(old) {} }
    guard old != nil else { return }
    let use = try useAlone(target)
    withExtendedLifetime(use) {}
  }

  /// Has the recording at `path` stand at `target`, in the same folder. What stood there is removed last.
  package static func replace(_ target: String, with path: String) throws(Failure) {
    let folder = try own(path)
    defer { withExtendedLifetime(folder) {} }
    let old = try RecordingFolder.takeReplaceable(target, force: true)
    defer { withExtendedLifetime(old) {} }
    guard old != nil else { return try HostFiles.move(path, to: target) }
    let use = try useAlone(target)
    defer { withExtendedLifetime(use) {} }
    if HostFiles.exchange(path, target) { return try removeFiles(of: path) }
    // Whoever is killed between the two leaves the old one under a name from which the next recorder puts it back.
    let oldPath = path + RecordingFolder.oldSuffix
    try HostFiles.move(target, to: oldPath)
    do throws(Failure) {
      try HostFiles.move(path, to: target)
    } catch {
      try? HostFiles.move(oldPath, to: target)
      throw error
    }
    try removeFiles(of: oldPath)
  }
}
