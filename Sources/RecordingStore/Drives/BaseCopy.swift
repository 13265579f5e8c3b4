// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// Keeps what a run reads of the images under a drive (`copy-on-read=on`), so that the recording needs the images no more.
///
/// It is a raw file of the disk's size, with holes where nothing was read: what was, `BaseDigests` says. A cluster is in it before the
/// digest is noted and before the guest sees it, so whoever is killed leaves what a replay needs.
package final class BaseCopy: Sendable {
  let path: String
  private let file: OwnedDescriptor

  static func name(drive: Int) -> String { "base\(drive).raw" }

  init(creating path: String, size: Int) throws(Failure) {
    self.path = path
    let descriptor = HostFiles.open(path, for: .creating)
    guard descriptor >= 0 else { throw .system(errno, path: path, doing: "cannot create it") }
    file = OwnedDescriptor(descriptor)
    guard uninterrupted({ ftruncate(descriptor, off_t(size)) }) == 0 else {
      throw .system(errno, path: path, doing: "cannot write it")
    }
  }

  /// Takes bytes at an offset of the disk. Answers why not, when they could not be written.
  func put(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Failure? {
    guard bytes.contains(where: { $0 != 0 }) else { return nil }
    let problem = transferAll(bytes.count) { done in
      pwrite(file.number, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(offset + done))
    }
    return problem.map { .system($0, path: path, doing: "cannot be written") }
  }

  /// As which it stands in the manifest.
  static func base(drive: Int, size: Int) -> RecordingManifest.Drive.Base {
    RecordingManifest.Drive.Base(
      path: "/" + name(drive: drive), format: .raw, relativePath: name(drive: drive), size: UInt64(size),
      fingerprint: nil, partial: true)
  }
}
