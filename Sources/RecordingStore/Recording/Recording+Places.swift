// SPDX-License-Identifier: Apache-2.0

import DiskImage
import HostSystem

/// The images under a recording's drives: where they are by now.
extension Recording {
  /// The file that says what the run has read of them; nil when there is none.
  var baseDigestsPath: String? {
    manifest.drives.contains { $0.bases.contains { $0.fingerprint == nil } }
      ? file(Self.baseDigestsName) : nil
  }

  /// Where a base could be when it and the recording were moved: where it was from the recording's folder, or beside it.
  func places(of base: RecordingManifest.Drive.Base) -> [String] {
    let folder = HostFiles.absolute(path)
    let beside = HostFiles.parentFolder(of: folder) + "/" + HostFiles.lastName(of: base.path)
    let relative = base.relativePath.map { HostFiles.absolute(folder + "/" + $0) }
    // What was made for this recording is in its folder, whatever stands elsewhere.
    return (base.partial == true ? [relative, base.path, beside] : [base.path, relative, beside]).compactMap(
      \.self)
  }
}

extension RecordingManifest.Drive.Base {
  /// The same for a recording in the folder `folder`, a path from the root.
  package func beside(_ folder: String) -> Self {
    var base = self
    let from = folder.split(separator: "/")
    let to = path.split(separator: "/")
    let common = zip(from, to).prefix { $0 == $1 }.count
    let steps = Array(repeating: "..", count: from.count - common) + to.dropFirst(common).map(String.init)
    base.relativePath = steps.joined(separator: "/")
    return base
  }

  /// Where its external data file is, or could be when that is not known: where the image says. Empty for one without.
  var dataFilePlaces: [String] {
    let named = format == .qcow2 ? (try? ImageOpener.dataFilePlaces(of: path)) ?? [] : []
    return (dataPath.map { [$0] } ?? []) + named.map(HostFiles.absolute)
  }

  /// Whether a file of its size stands at `place`.
  func couldBe(_ place: String) -> Bool {
    let size = self.size ?? fingerprint.map { UInt64($0.size) }
    return size != nil && HostFiles.size(of: place) == size
  }
}
