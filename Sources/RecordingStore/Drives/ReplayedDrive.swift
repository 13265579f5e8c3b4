// SPDX-License-Identifier: Apache-2.0

import DiskImage
import HostSystem

/// A drive as a replay has it: the recording's image at a snapshot, only read, and what the replay writes in memory.
///
/// What it reads of the images under the overlay is compared with what the run has read.
package struct ReplayedDrive {
  package let scratch: ScratchOverlay

  /// `BaseImages.check` has been passed.
  ///
  /// - Parameter digests: nil while the recording is being made, by this process: nobody changes the images under it.
  package init(
    _ index: Int, of recording: Recording, at snapshot: String, _ digests: BaseDigests?
  ) throws(Failure) {
    let drive = recording.manifest.drives[index]
    func wrap(_ base: any BlockImage) -> any BlockImage {
      digests.map { WitnessedImage(base, witness: $0.comparison(drive: index, of: recording)) } ?? base
    }
    let image: any BlockImage
    if let overlay = drive.overlay {
      let path = recording.file(overlay)
      image = try withImageFailures({ () throws(DiskImageError) in
        var opener = BaseImages.opener(for: drive.bases)
        opener.baseWrapper = wrap
        return try opener.openQcow2(path, readOnly: true).openSnapshot(snapshot)
      })
    } else {
      image = wrap(try BaseImages.open(drive.bases))
    }
    guard UInt64(image.size / 512) == drive.sectorCount else {
      throw Failure(
        .damaged, image.path,
        "has \(image.size / 512) sectors, and drive \(index) of the recording \(drive.sectorCount)",
        remedy: "put the recording's own image back")
    }
    scratch = ScratchOverlay(base: image)
  }
}
