import DiskImage

/// The images under a drive, which nobody writes: opened for reading only, and known by their fingerprints.
enum BaseImages {
  /// Opens an image that the user named, with all that lies under it.
  static func open(
    _ path: String, format: ImageFormat?
  ) throws(Failure) -> (image: any BlockImage, bases: [RecordingManifest.Drive.Base]) {
    let chain = Chain()
    let format = try Self.format(of: path, stated: format)
    chain.add(path, format)
    let image = try withImageFailures({ () throws(DiskImageError) in
      try chain.opener().open(path, format: format, readOnly: true)
    })
    // As the lower part of a qcow2 image a raw file may be of any size; a drive by itself must be whole.
    if format == .raw, let size = HostFiles.size(of: path), size == 0 || size % 512 != 0 {
      throw Failure(
        .file, path, "has \(size) bytes, and a drive is whole sectors of 512, at least one",
        remedy: "make it larger with 'truncate --size=%512', or check that it was copied to its end")
    }
    return (image, try chain.bases())
  }

  /// The format that was stated for an image, or what it looks like.
  static func format(of path: String, stated: ImageFormat?) throws(Failure) -> ImageFormat {
    if let stated { return stated }
    return try withImageFailures({ () throws(DiskImageError) in try ImageFormat.probe(path: path) })
  }

  /// Opens a qcow2 image for writing, with all that lies under it; these are the bases that are answered.
  static func openForWriting(
    _ path: String
  ) throws(Failure) -> (image: Qcow2Image, bases: [RecordingManifest.Drive.Base]) {
    let chain = Chain()
    let image = try withImageFailures({ () throws(DiskImageError) in
      try chain.opener().openQcow2(path, readOnly: false)
    })
    return (image, try chain.bases())
  }

  /// Checks that each base is there and still what it was.
  static func check(_ bases: [RecordingManifest.Drive.Base], recording: String) throws(Failure) {
    for base in bases {
      guard HostFiles.kind(of: base.path) != nil else {
        throw Failure(
          .baseChanged, base.path, "a base image of \(recording) is gone",
          remedy: "put it back; the recording holds only what the guest wrote over it")
      }
      let now = try withImageFailures({ () throws(DiskImageError) in try ImageFingerprint(of: base.path) }
      )
      guard now == base.fingerprint else {
        let what =
          now.size == base.fingerprint.size
          ? "its bytes differ" : "it had \(base.fingerprint.size) bytes and has \(now.size)"
        throw Failure(
          .baseChanged, base.path, "has changed since \(recording) was made: \(what)",
          remedy: "put the image back as it was; nothing can be replayed over another one")
      }
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

    func bases() throws(Failure) -> [RecordingManifest.Drive.Base] {
      var bases: [RecordingManifest.Drive.Base] = []
      for file in files {
        let fingerprint = try withImageFailures({ () throws(DiskImageError) in
          try ImageFingerprint(of: file.path)
        })
        bases.append(.init(path: file.path, format: file.format, fingerprint: fingerprint))
      }
      return bases
    }
  }
}
