// SPDX-License-Identifier: Apache-2.0

import DiskImage
import RecordingStore

/// What is known of a run from its start.
package struct RunFacts: Equatable, Sendable {
  package enum Kind: Equatable, Sendable {
    case plain
    case recording(path: String)
    case replay(path: String)
  }

  package struct Drive: Equatable, Sendable {
    /// The image that was named, and where the guest's writes go; nil for nowhere that stays.
    package var image: String?
    package var overlay: String?
    package var format: String
    package var byteCount: UInt64
    package var isReadOnly: Bool
  }

  package var kind: Kind
  /// What runs, in a word.
  package var name: String
  package var drives: [Drive]
}

extension RunFacts {
  /// A run of which nothing is kept.
  package init(of guest: Guest, drives: [RecordingManifest.Drive]) {
    kind = .plain
    name = guest.name
    self.drives = zip(guest.drives, drives).map { options, drive in
      var image: String?
      var format = ImageFormat.raw
      if case .file(let path, let stated) = options.source { (image, format) = (path, stated ?? .raw) }
      return Drive(
        image: image, overlay: nil, format: format.rawValue, byteCount: drive.sectorCount * 512,
        isReadOnly: drive.readOnly)
    }
  }

  /// A run that is being recorded, or replayed.
  package init(of recording: Recording, kind: Kind, name: String) {
    self.kind = kind
    self.name = name
    drives = recording.manifest.drives.map { drive in
      Drive(
        image: drive.bases.first.map {
          $0.partial == true ? recording.file($0.relativePath ?? $0.path) : $0.path
        }, overlay: drive.overlay.map(recording.file),
        format: drive.overlay == nil ? drive.bases.first?.format.rawValue ?? "raw" : "qcow2",
        byteCount: drive.sectorCount * 512, isReadOnly: drive.readOnly)
    }
  }
}
