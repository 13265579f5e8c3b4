import DiskImage
import Glibc
import HostSystem

/// The images under a drive as a packed recording has them: one qcow2 file with the clusters that the run has read, and nothing else.
///
/// What is not in it is no zeros but unknown (`RecordingManifest.Drive.Base.partial`).
enum PackedBase {
  static func name(drive: Int) -> String { "base\(drive).qcow2" }

  /// Makes it for a drive, in a file at `path` that has no name any more afterwards.
  ///
  /// The recorder of a drive with an image of the user's own (`recordsInto`) reads in that image's clusters, and a replay in larger
  /// ones: it then needs what the run has not read, and gets everything.
  static func make(
    drive number: Int, of recording: Recording, digests: BaseDigests, at path: String,
    progress: (_ bytes: UInt64) throws(Failure) -> Void
  ) throws(Failure) -> (image: any BlockImage, base: RecordingManifest.Drive.Base) {
    let drive = recording.manifest.drives[number]
    let top = drive.bases[0]
    let isPartial = !drive.recordsInto || top.partial == true
    let image = try withImageFailures { () throws(DiskImageError) in
      WitnessedImage(
        try BaseImages.opener(for: Array(drive.bases.dropFirst())).open(
          top.path, format: top.format, sharing: .stable),
        witness: digests.comparison(drive: number, of: recording))
    }
    let size = WitnessedImage.clusterSize
    let all = (image.size + size - 1) / size
    let clusters = isPartial ? digests.drives[number].keys.sorted() : Array(0..<all)
    defer { unlink(path) }
    try withImageFailures { () throws(DiskImageError) in
      try Qcow2Image.create(at: path, size: image.size)
    }
    // While it is locked nobody takes it for one that a killed process left.
    let lock = OwnedDescriptor(uninterrupted { open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) })
    flock(lock.number, LOCK_EX | LOCK_NB)
    defer { withExtendedLifetime(lock) {} }
    let target = try withImageFailures { () throws(DiskImageError) in
      try ImageOpener().openQcow2(path, readOnly: false)
    }
    for cluster in clusters where cluster < all {
      let offset = cluster * size
      try withImageFailures { () throws(DiskImageError) in
        let bytes = try image.read(at: offset, count: min(size, image.size - offset))
        if bytes.contains(where: { $0 != 0 }) { try target.write(at: offset, bytes) }
      }
      try progress(UInt64(size))
    }
    try withImageFailures { () throws(DiskImageError) in try target.flush() }
    let name = name(drive: number)
    let packed = try withImageFailures { () throws(DiskImageError) in
      try ImageOpener().open(path, format: .raw, sharing: .any)
    }
    let base = RecordingManifest.Drive.Base(
      path: "/" + name, format: .qcow2, relativePath: name, size: HostFiles.size(of: path), fingerprint: nil,
      partial: isPartial ? true : nil)
    return (packed, base)
  }
}
