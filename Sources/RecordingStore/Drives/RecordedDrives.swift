// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import DiskImage
import Emulator
import HostSystem

/// The drives of a machine that is to be recorded: opened by the disk rules, with their overlays made.
package struct RecordedDrives {
  package struct Drive {
    package var manifest: RecordingManifest.Drive
    package var storage: any BlockImage
    /// What the guest writes to, and what gets the initial snapshot; nil for a drive that is only read.
    package var overlay: Qcow2Image?

    /// A drive that is only read.
    package init(manifest: RecordingManifest.Drive, reading storage: any BlockImage) {
      self.manifest = manifest
      self.storage = storage
    }

    package init(manifest: RecordingManifest.Drive, overlay: Qcow2Image) {
      self.manifest = manifest
      self.overlay = overlay
      storage = WitnessedOverlay(overlay) ?? overlay
    }
  }

  package private(set) var drives: [Drive] = []
  /// Notes what is read of the bases; nil when there are none.
  package let witness: BaseWitness?

  /// What recording does to the user's own images, a line each.
  package var remarks: [String] {
    drives.compactMap(\.overlay).filter { !$0.outOfDateBitmaps.isEmpty }.map { image in
      "\(image.path): does not keep its dirty bitmaps up to date (\(image.outOfDateBitmaps.joined(separator: ", "))): "
        + "they are marked as in use; remove them with qemu-img, or record without overlay=none"
    }
  }

  /// - Parameters:
  ///   - inputs: other files that the recording reads, which nothing may replace.
  ///   - snapshot: the name that the user gave to the initial snapshot, if any.
  package init(
    _ options: [DriveOptions], in folder: inout RecordingFolder, inputs: [String], snapshot: String?
  ) throws(Failure) {
    var opened: [(options: DriveOptions, image: (any BlockImage)?, bases: [RecordingManifest.Drive.Base])] =
      []
    for (index, option) in options.enumerated() {
      try Self.checkRules(option, index: index, snapshot: snapshot)
      if case .file(let path, let format) = option.source, option.overlay != .none {
        let base = try BaseImages.open(path, format: format)
        guard base.image.size > 0 else {
          throw Failure(
            .file, path, "is empty, which no drive can be",
            remedy: "make it larger, for instance with truncate")
        }
        opened.append((option, base.image, base.bases))
      } else {
        opened.append((option, nil, []))
      }
    }
    witness = try Self.makeWitness(in: folder, isNeeded: options.contains { $0.source.isFile })
    let read =
      inputs.map(HostFiles.absolute) + opened.flatMap { $0.bases.flatMap(\.files) }
    try Self.checkInputsAreSafe(read, folder: folder)
    for (index, drive) in opened.enumerated() {
      drives.append(
        try Self.make(
          drive.options, index: index, image: drive.image, bases: drive.bases, folder: &folder, read: read,
          witness: witness))
    }
  }

  package init(_ drives: [Drive], witness: BaseWitness?) {
    self.drives = drives
    self.witness = witness
  }

  package static func makeWitness(
    in folder: RecordingFolder, isNeeded: Bool
  ) throws(Failure) -> BaseWitness? {
    isNeeded ? try BaseWitness(creating: folder.workPath + "/" + BaseDigests.fileName) : nil
  }

  package static func note(
    _ index: Int, _ witness: BaseWitness?, _ copy: BaseCopy? = nil
  ) -> WitnessedImage.Witness {
    { (cluster, bytes) throws(DiskImageError) in
      if let problem = copy?.put(bytes, at: cluster * WitnessedImage.clusterSize) { witness?.fail(problem) }
      witness?.note(drive: index, cluster: cluster, digest: Digest.of(bytes))
    }
  }

  private static func checkRules(_ option: DriveOptions, index: Int, snapshot: String?) throws(Failure) {
    guard option.overlay == .none else { return }
    guard case .file(let path, let format) = option.source else {
      throw Failure(
        .usage, "drive \(index)", "a blank drive needs an overlay", remedy: "leave out overlay=none")
    }
    guard try BaseImages.format(of: path, stated: format) == .qcow2 else {
      throw Failure(
        .usage, path, "a raw image cannot be recorded into: it has no room for a snapshot of its start",
        remedy: "leave out overlay=none, or convert it with 'qemu-img convert -O qcow2'")
    }
    guard snapshot != nil else {
      throw Failure(
        .usage, path, "overlay=none writes to the image itself, and only a named snapshot keeps its start",
        remedy: "name one with --icount rrsnapshot=NAME, or leave out overlay=none")
    }
  }

  /// With --force, files are replaced: none of them may be one that is read.
  private static func checkInputsAreSafe(_ read: [String], folder: RecordingFolder) throws(Failure) {
    let target = HostFiles.absolute(folder.target) + "/"
    if let input = read.first(where: { $0.hasPrefix(target) }) {
      throw Failure(
        .usage, folder.target, "would be replaced, and \(input) in it is needed",
        remedy: "name another output with -o")
    }
  }

  private static func make(
    _ option: DriveOptions, index: Int, image: (any BlockImage)?, bases: [RecordingManifest.Drive.Base],
    folder: inout RecordingFolder, read: [String], witness: BaseWitness?
  ) throws(Failure) -> Drive {
    let serial = "rrtool-\(index)"
    var copy: BaseCopy?
    if option.copyOnRead, let image {
      let name = BaseCopy.name(drive: index)
      copy = try BaseCopy(creating: folder.workPath + "/" + name, size: image.size)
    }
    func wrap(_ base: any BlockImage) -> any BlockImage {
      WitnessedImage(base, witness: note(index, witness, copy))
    }
    let target = HostFiles.absolute(folder.target)
    func manifest(
      size: Int, overlay: String?, bases: [RecordingManifest.Drive.Base], recordsInto: Bool = false
    )
      -> RecordingManifest.Drive
    {
      RecordingManifest.Drive(
        sectorCount: UInt64(size / 512), readOnly: option.readOnly, serial: serial, overlay: overlay,
        bases: copy == nil
          ? bases.map { $0.beside(target) } : [BaseCopy.base(drive: index, size: image?.size ?? 0)],
        recordsInto: recordsInto)
    }
    if case .file(let path, _) = option.source, option.overlay == .none {
      let absolute = HostFiles.absolute(path)
      guard !read.contains(absolute) else {
        throw Failure(
          .usage, path, "is read by another drive while overlay=none writes to it", remedy: "use it once")
      }
      let target = try BaseImages.openForWriting(path, baseWrapper: wrap)
      return Drive(
        manifest: manifest(
          size: target.image.size, overlay: absolute, bases: target.bases, recordsInto: true),
        overlay: target.image)
    }
    let size: Int
    switch option.source {
    case .blank(let count): size = count
    case .file: size = image?.size ?? 0
    }
    if option.readOnly, let image {
      return Drive(
        manifest: manifest(size: size, overlay: nil, bases: bases), reading: wrap(image))
    }
    let name: String
    let workPath: String
    if case .file(let path) = option.overlay {
      name = HostFiles.absolute(path)
      guard !read.contains(name) else {
        throw Failure(
          .usage, "overlay=\(path)", "is an image that the guest reads", remedy: "name a new file")
      }
      workPath = try folder.addOutsider(path, option: "overlay")
    } else {
      name = "disk\(index).qcow2"
      workPath = folder.workPath + "/" + name
    }
    var backing = bases.first.map { (name: $0.path, format: $0.format) }
    if copy != nil {
      let copyName = BaseCopy.name(drive: index)
      backing = (name.hasPrefix("/") ? target + "/" + copyName : copyName, .raw)
    }
    let overlay = try withImageFailures({ () throws(DiskImageError) in
      try makeOverlay(at: workPath, size: size, backing: backing, over: bases, wrapper: wrap)
    })
    return Drive(
      manifest: manifest(size: size, overlay: name, bases: bases), overlay: overlay)
  }

  /// A new overlay, open for writing.
  ///
  /// - Parameters:
  ///   - backing: what it names.
  ///   - bases: what it is over: the images as they are, whatever it names.
  package static func makeOverlay(
    at path: String, size: Int, backing: (name: String, format: ImageFormat)?,
    over bases: [RecordingManifest.Drive.Base], wrapper: @escaping (any BlockImage) -> any BlockImage
  ) throws(DiskImageError) -> Qcow2Image {
    try Qcow2Image.create(at: path, size: size, clusterSize: overlayClusterSize(for: size), backing: backing)
    var opener = BaseImages.opener(for: bases)
    opener.baseWrapper = wrapper
    return try opener.openQcow2(path, readOnly: false)
  }

  /// As small as the pages that guests write, so that writes far from each other take no more room than they have bytes; but of a
  /// large disk larger, since a snapshot counts every cluster.
  private static func overlayClusterSize(for size: Int) -> Int {
    var bits = 12
    while bits < 16, size > 1 << (bits + 20) { bits += 1 }
    return 1 << bits
  }
}
