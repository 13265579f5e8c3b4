import DiskImage

/// The images under a drive, which nobody writes: opened for reading only, and known by what was read of them.
enum BaseImages {
  /// Opens an image that the user named, with all that lies under it.
  static func open(
    _ path: String, format: ImageFormat?
  ) throws(Failure) -> (image: any BlockImage, bases: [RecordingManifest.Drive.Base]) {
    let chain = Chain()
    let format = try Self.format(of: path, stated: format)
    chain.add(path, format)
    let image = try withImageFailures({ () throws(DiskImageError) in
      try chain.opener().open(path, format: format, sharing: .stable)
    })
    // As the lower part of a qcow2 image a raw file may be of any size; a drive by itself must be whole.
    if format == .raw, let size = HostFiles.size(of: path), size == 0 || size % 512 != 0 {
      throw Failure(
        .file, path, "has \(size) bytes, and a drive is whole sectors of 512, at least one",
        remedy: "make it larger with 'truncate --size=%512', or check that it was copied to its end")
    }
    return (image, chain.bases())
  }

  /// The external data files of an image and of those under it.
  static func dataFiles(of image: (any BlockImage)?) -> [String] {
    guard let image = image as? Qcow2Image else { return [] }
    return (image.dataFile.map { [HostFiles.absolute($0)] } ?? []) + dataFiles(of: image.backing)
  }

  /// The format that was stated for an image, or what it looks like.
  static func format(of path: String, stated: ImageFormat?) throws(Failure) -> ImageFormat {
    if let stated { return stated }
    return try withImageFailures({ () throws(DiskImageError) in try ImageFormat.probe(path: path) })
  }

  /// Opens a qcow2 image for writing, with all that lies under it; these are the bases that are answered.
  static func openForWriting(
    _ path: String, baseWrapper: @escaping (any BlockImage) -> any BlockImage
  ) throws(Failure) -> (image: Qcow2Image, bases: [RecordingManifest.Drive.Base]) {
    let chain = Chain()
    let image = try withImageFailures({ () throws(DiskImageError) in
      var opener = chain.opener()
      opener.baseWrapper = baseWrapper
      return try opener.openQcow2(path, readOnly: false)
    })
    return (image, chain.bases())
  }

  /// Checks that the bases of a recording's drives are there and still what they were.
  ///
  /// What the run read of them is compared when a replay reads it. Here the first clusters that it read are, so that a wrong image is
  /// found at once; or all of them.
  static func check(_ recording: Recording, everything: Bool = false) throws(Failure) {
    let digests = try recording.baseDigests()
    for (index, drive) in recording.manifest.drives.enumerated() {
      for base in drive.bases { try check(base, recording: recording.path) }
      let known = digests.drives[index].keys.sorted()
      guard let top = drive.bases.first, !known.isEmpty else { continue }
      try withImageFailures { () throws(DiskImageError) in
        let image = try opener(for: Array(drive.bases.dropFirst())).open(
          top.path, format: top.format, sharing: .stable)
        let witness = WitnessedImage(image, witness: digests.comparison(drive: index, of: recording))
        for cluster in everything ? known[...] : known.prefix(sampleCount) {
          _ = try witness.read(at: cluster * WitnessedImage.clusterSize, count: 1)
        }
      }
    }
  }

  private static let sampleCount = 16

  private static func check(
    _ base: RecordingManifest.Drive.Base, recording: String
  ) throws(Failure) {
    guard let size = HostFiles.size(of: base.path) else {
      throw Failure(
        .baseChanged, base.path, "a base image of \(recording) is gone",
        remedy: "put it back, or tell where it is with --base OLD=NEW, or for good with 'rrtool rebase'")
    }
    let before = base.size ?? base.fingerprint.map { UInt64($0.size) }
    var what = before == size ? nil : "it had \(before ?? 0) bytes and has \(size)"
    if what == nil, let fingerprint = base.fingerprint {
      let now = try withImageFailures { () throws(DiskImageError) in try ImageFingerprint(of: base.path) }
      if now != fingerprint { what = "its bytes differ" }
    }
    if let what {
      throw Failure(
        .baseChanged, base.path, "has changed since \(recording) was made: \(what)",
        remedy: "put the image back as it was; nothing can be replayed over another one")
    }
  }

  /// An opener that takes exactly `bases` for what lies under an overlay, whatever the overlay itself names.
  static func opener(for bases: [RecordingManifest.Drive.Base]) -> ImageOpener {
    let rest = Rest(bases)
    return ImageOpener { (reference) throws(DiskImageError) in
      guard let base = rest.next() else {
        throw DiskImageError(
          .refused, path: reference.overlay,
          problem: "it lies over an image that the recording does not know",
          advice: "put the recording's own file back")
      }
      return .open(path: base.path, format: base.format)
    }
  }

  private final class Rest {
    private var bases: ArraySlice<RecordingManifest.Drive.Base>
    init(_ bases: [RecordingManifest.Drive.Base]) { self.bases = bases[...] }
    func next() -> RecordingManifest.Drive.Base? { bases.popFirst() }
  }

  /// Notes the files that an opener opens.
  private final class Chain {
    private var files: [(path: String, format: ImageFormat)] = []

    func add(_ path: String, _ format: ImageFormat) { files.append((HostFiles.absolute(path), format)) }

    func opener() -> ImageOpener {
      ImageOpener { [self] (reference) throws(DiskImageError) in
        guard let format = reference.format else { return .open(path: reference.path, format: nil) }
        add(reference.path, format)
        return .open(path: reference.path, format: format)
      }
    }

    func bases() -> [RecordingManifest.Drive.Base] {
      files.map { .init(path: $0.path, format: $0.format, size: HostFiles.size(of: $0.path)) }
    }
  }
}
