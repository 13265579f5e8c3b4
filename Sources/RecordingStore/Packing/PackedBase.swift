// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Glibc
import HostSystem

/// The images under a drive as a packed recording has them: one qcow2 file with the clusters that the run has read, and nothing else.
///
/// What is not in it is no zeros but unknown (`RecordingManifest.Drive.Base.partial`).
package enum PackedBase {
  package static func name(drive: Int) -> String { "base\(drive).qcow2" }

  /// Makes it for a drive, in a file at `path` that has no name any more afterwards.
  ///
  /// The recorder of a drive with an image of the user's own (`recordsInto`) reads in that image's clusters, and a replay in larger
  /// ones: it then needs what the run has not read, and gets everything.
  static func make(
    drive number: Int, of recording: Recording, digests: BaseDigests, at path: String,
    progress: (_ bytes: UInt64) throws(Failure) -> Void
  ) throws(Failure) -> (image: any BlockImage, base: RecordingManifest.Drive.Base) {
    let drive = recording.manifest.drives[number]
    let isPartial = !drive.recordsInto || drive.bases[0].partial == true
    let image = WitnessedImage(
      try BaseImages.open(drive.bases), witness: digests.comparison(drive: number, of: recording))
    let all = 0..<(image.size + WitnessedImage.clusterSize - 1) / WitnessedImage.clusterSize
    let clusters = isPartial ? digests.drives[number].keys.sorted() : Array(all)
    defer { unlink(path) }
    let written = try write(
      clusters, of: image, drive: number, to: path, isPartial: isPartial, progress: progress)
    let packed = try withImageFailures { () throws(DiskImageError) in
      try ImageOpener().open(path, format: .raw, sharing: .any)
    }
    return withExtendedLifetime(written.lock) { (packed, written.base) }
  }

  /// Writes some clusters of the images under a drive, in their order, to a new file at `path`; answers as which it stands in the
  /// manifest.
  ///
  /// While the file is locked nobody takes it for one that a killed process left.
  package static func write(
    _ clusters: [Int], of image: WitnessedImage, drive number: Int, to path: String, isPartial: Bool,
    progress: (_ bytes: UInt64) throws(Failure) -> Void = { (_) throws(Failure) in }
  ) throws(Failure) -> (base: RecordingManifest.Drive.Base, lock: OwnedDescriptor) {
    let size = WitnessedImage.clusterSize
    var stopped: Failure?
    let lock = try withImageFailures { () throws(DiskImageError) in
      try Qcow2Image.create(at: path, size: image.size)
      let lock = OwnedDescriptor(HostFiles.open(path, for: .reading, followsLink: false))
      flock(lock.number, LOCK_EX | LOCK_NB)
      let target = try ImageOpener().openQcow2(path, readOnly: false)
      for offset in clusters.lazy.map({ $0 * size }) where offset < image.size {
        let bytes = try image.read(at: offset, count: min(size, image.size - offset))
        if bytes.contains(where: { $0 != 0 }) { try target.write(at: offset, bytes) }
        do throws(Failure) {
          try progress(UInt64(size))
        } catch {
          stopped = error
          break
        }
      }
      try target.flush()
      return lock
    }
    if let stopped { throw stopped }
    let name = name(drive: number)
    let base = RecordingManifest.Drive.Base(
      path: "/" + name, format: .qcow2, relativePath: name, size: HostFiles.size(of: path), fingerprint: nil,
      partial: isPartial ? true : nil)
    return (base, lock)
  }
}
