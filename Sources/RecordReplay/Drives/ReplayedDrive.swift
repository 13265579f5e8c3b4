import DiskImage

/// A drive as a replay has it: the recording's image at a snapshot, only read, and what the replay writes in memory.
struct ReplayedDrive {
  let scratch: ScratchOverlay

  /// `BaseImages.check` has been passed.
  init(_ drive: RecordingManifest.Drive, index: Int, of recording: Recording, at snapshot: String)
    throws(Failure)
  {
    let image: any BlockImage
    let opener = BaseImages.opener(for: drive.bases)
    if let overlay = drive.overlay {
      let path = recording.file(overlay)
      image = try withImageFailures({ () throws(DiskImageError) in
        try opener.openQcow2(path, readOnly: true).openSnapshot(snapshot)
      })
    } else {
      let base = drive.bases[0]
      image = try withImageFailures({ () throws(DiskImageError) in
        try BaseImages.opener(for: Array(drive.bases.dropFirst())).open(base.path, format: base.format)
      })
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
