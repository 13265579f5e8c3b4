// SPDX-License-Identifier: Apache-2.0

import DiskImage
import HostSystem
import RecordingStore

/// The drives of a run of which nothing is kept: what the guest writes stays in memory.
package struct ScratchDrives {
  package private(set) var manifests: [RecordingManifest.Drive] = []
  package private(set) var workers: [BlockWorker] = []
  /// What the guest writes to each drive. The worker's thread's alone once it has something to do.
  package private(set) var overlays: [ScratchOverlay] = []

  package init(_ options: [DriveOptions], inbox: Inbox) throws(Failure) {
    for (index, option) in options.enumerated() {
      let base: any BlockImage
      switch option.source {
      case .blank(let size): base = ZeroImage(size: size)
      case .file(let path, let format):
        try Self.check(option)
        let format = try BaseImages.format(of: path, stated: format)
        base = try withImageFailures({ () throws(DiskImageError) in
          try ImageOpener().open(path, format: format)
        })
        guard base.size > 0 else {
          throw Failure(
            .file, path, "is empty, which no drive can be",
            remedy: "make it larger, for instance with truncate")
        }
      }
      manifests.append(
        .init(
          sectorCount: UInt64(base.size / 512), readOnly: option.readOnly, serial: "rrtool-\(index)",
          overlay: nil,
          bases: [], recordsInto: false))
      let overlay = ScratchOverlay(base: base)
      overlays.append(overlay)
      workers.append(BlockWorker(storage: ImageStorage(overlay), inbox: inbox))
    }
  }

  /// Refuses what only a recording can do.
  package static func check(_ option: DriveOptions) throws(Failure) {
    guard case .file(let path, _) = option.source else { return }
    guard option.overlay == .automatic else {
      throw Failure(
        .usage, "--drive file=\(path)", "a run that is not recorded keeps nothing and has no overlay",
        remedy: "leave out 'overlay', or use 'rrtool record'")
    }
    guard !option.copyOnRead else {
      throw Failure(
        .usage, "--drive file=\(path)", "a run that is not recorded keeps nothing of what it reads",
        remedy: "leave out 'copy-on-read', or use 'rrtool record'")
    }
  }

  /// Drives that are open already, and are not migrated.
  package init(manifests: [RecordingManifest.Drive], workers: [BlockWorker]) {
    self.manifests = manifests
    self.workers = workers
  }

  /// Carries out what is still to be done, and ends the drives' threads.
  package func finish() {
    for worker in workers { worker.finish() }
  }
}

/// A disk of zeros, the base of a drive that starts blank.
final class ZeroImage: BlockImage {
  let size: Int
  let isReadOnly = true
  let path = "blank drive"

  init(size: Int) { self.size = size }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskImageError) {
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
  }
  func write(at offset: Int, from bytes: UnsafeRawBufferPointer) throws(DiskImageError) {
    preconditionFailure("the base of a drive is never written")
  }
  func writeZeroes(at offset: Int, count: Int) throws(DiskImageError) {
    preconditionFailure("the base of a drive is never written")
  }
  func flush() throws(DiskImageError) {}
}
