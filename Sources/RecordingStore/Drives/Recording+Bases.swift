// SPDX-License-Identifier: Apache-2.0

import HostSystem

/// What the run has read of the images under a recording's drives, and where they are for good.
extension Recording {
  /// What the run has read of the bases. Of a recording of an older format, which has their fingerprints, nothing is known.
  package func baseDigests() throws(Failure) -> BaseDigests {
    let drives = manifest.drives
    guard let path = baseDigestsPath else { return BaseDigests(driveCount: drives.count) }
    let digests = try BaseDigests(reading: path, driveCount: drives.count)
    if let count = manifest.baseClusterCount, digests.count != count {
      throw Failure(
        .damaged, path, "was cut: it has \(digests.count) entries, and the recording \(count)",
        remedy: "restore it from a copy")
    }
    return digests
  }

  /// Writes down where bases are that were moved to where they are not found by themselves. Each is checked before.
  public mutating func rebase(_ places: [(old: String, new: String)]) throws(Failure) {
    // Its recorder would write its own manifest over this one.
    let lock = try Self.readingLock(path)
    defer { withExtendedLifetime(lock) {} }
    var moved = self
    try moved.takeBases(from: places)
    let folder = HostFiles.absolute(path)
    for drive in moved.manifest.drives.indices {
      moved.manifest.drives[drive].bases = moved.manifest.drives[drive].bases.map { base in
        // Older formats have no such key.
        base.fingerprint == nil ? base.beside(folder) : base
      }
    }
    try BaseImages.check(moved)
    try moved.update { _ in }
    self = moved
  }
}
