// SPDX-License-Identifier: Apache-2.0

import DiskImage
import HostSystem

/// The images under a drive, which nobody writes: opened for reading only, and known by what was read of them.
package enum BaseImages {
  /// Opens an image that the user named, with all that lies under it.
  package static func open(
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

  /// Opens the images under a drive, at least one, each where the recording says that it is.
  package static func open(_ bases: [RecordingManifest.Drive.Base]) throws(Failure) -> any BlockImage {
    try withImageFailures { () throws(DiskImageError) in
      var opener = opener(for: Array(bases.dropFirst()))
      opener.dataFilePlace = dataFilePlace(for: bases)
      return try opener.open(bases[0].path, format: bases[0].format, sharing: .stable)
    }
  }

  /// The format that was stated for an image, or what it looks like.
  package static func format(of path: String, stated: ImageFormat?) throws(Failure) -> ImageFormat {
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
  package static func check(_ recording: Recording, everything: Bool = false) throws(Failure) {
    let digests = try recording.baseDigests()
    for (index, drive) in recording.manifest.drives.enumerated() {
      for base in drive.bases { try check(base, recording: recording.path) }
      let known = digests.drives[index].keys.sorted()
      guard !drive.bases.isEmpty, !known.isEmpty else { continue }
      let image = try open(drive.bases)
      try withImageFailures { () throws(DiskImageError) in
        let witness = WitnessedImage(image, witness: digests.comparison(drive: index, of: recording))
        for cluster in everything ? known[...] : known.prefix(sampleCount) {
          _ = try witness.read(at: cluster * WitnessedImage.clusterSize, count: 1)
        }
      }
    }
  }

  private static let sampleCount = 16

  /// What is wrong when a file of a recording's bases is not there.
  package static func loss(of recording: Recording) -> Failure? {
    for base in recording.manifest.drives.flatMap(\.bases) {
      if let failure = loss(of: base, recording: recording.path) { return failure }
    }
    return nil
  }

  private static func loss(of base: RecordingManifest.Drive.Base, recording: String) -> Failure? {
    let remedy = "put it back, or tell where it is with --base OLD=NEW, or for good with 'rrtool rebase'"
    guard HostFiles.size(of: base.path) != nil else {
      return Failure(.baseChanged, base.path, "a base image of \(recording) is gone", remedy: remedy)
    }
    let places = base.dataFilePlaces
    guard let place = places.first, !places.contains(where: { HostFiles.kind(of: $0) != nil }) else {
      return nil
    }
    return Failure(
      .baseChanged, place, "the data file of \(base.path), a base image of \(recording), is gone",
      remedy: remedy)
  }

  private static func check(
    _ base: RecordingManifest.Drive.Base, recording: String
  ) throws(Failure) {
    if let failure = loss(of: base, recording: recording) { throw failure }
    let size = HostFiles.size(of: base.path) ?? 0
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
  package static func opener(for bases: [RecordingManifest.Drive.Base]) -> ImageOpener {
    let rest = Rest(bases)
    var opener = ImageOpener { (reference) throws(DiskImageError) in
      guard let base = rest.next() else {
        throw DiskImageError(
          .refused, path: reference.overlay,
          problem: "it lies over an image that the recording does not know",
          advice: "put the recording's own file back")
      }
      return .open(path: base.path, format: base.format)
    }
    opener.dataFilePlace = dataFilePlace(for: bases)
    return opener
  }

  /// Where the external data file of an image is, of which the recording knows: there, unless only what the image says leads to one.
  private static func dataFilePlace(
    for bases: [RecordingManifest.Drive.Base]
  ) -> (_ image: String, _ place: String) -> String {
    { image, place in
      guard let known = bases.first(where: { $0.path == image })?.dataPath else { return place }
      return HostFiles.kind(of: known) == nil && HostFiles.kind(of: place) != nil ? place : known
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
    private var dataFiles: [String: String] = [:]

    func add(_ path: String, _ format: ImageFormat) { files.append((HostFiles.absolute(path), format)) }

    func opener() -> ImageOpener {
      var opener = ImageOpener { [self] (reference) throws(DiskImageError) in
        guard let format = reference.format else { return .open(path: reference.path, format: nil) }
        add(reference.path, format)
        return .open(path: reference.path, format: format)
      }
      opener.dataFilePlace = { [self] image, place in
        dataFiles[HostFiles.absolute(image)] = HostFiles.absolute(place)
        return place
      }
      return opener
    }

    func bases() -> [RecordingManifest.Drive.Base] {
      files.map {
        .init(
          path: $0.path, format: $0.format, size: HostFiles.size(of: $0.path), dataPath: dataFiles[$0.path])
      }
    }
  }
}
