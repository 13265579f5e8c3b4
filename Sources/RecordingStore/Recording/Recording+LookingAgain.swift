// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// Reading a recording while it is made.
///
/// Its recorder deletes snapshots and puts new tables where old ones were: a reader that comes in between finds a snapshot gone that
/// it has just seen in the manifest, or a table that is no longer one. Nothing is wrong then, and at the next look all is well.
extension Recording {
  private static let looks = 25
  private static let pause: UInt32 = 20_000

  /// What `body` finds in the recording; once more, with the manifest as it is by then, when it fails while a recorder is at work.
  public func lookingAgain<Result>(
    _ body: (Recording) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var recording = self
    var look = 1
    while true {
      do throws(Failure) {
        return try body(recording)
      } catch {
        guard look < Self.looks, Self.mayPass(error), Self.isBeingMade(at: path) else { throw error }
        look += 1
        usleep(Self.pause)
        // Where its bases are was told to this process alone.
        if manifest.drives.allSatisfy(\.bases.isEmpty), let now = try? Recording(opening: path) {
          recording = now
        }
      }
    }
  }

  private static func mayPass(_ failure: Failure) -> Bool {
    failure.kind == .damaged || failure.kind == .file
  }
}
