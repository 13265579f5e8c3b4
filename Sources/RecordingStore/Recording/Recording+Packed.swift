// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Glibc
import HostSystem

/// What a recording that is one file has for a sign, and why nothing here opens it.
extension Recording {
  public static let packedSuffix = ".rrz"
  /// What to do about one that is damaged.
  static let packedDamageRemedy = "pack the recording again, or use another copy"

  /// Whether the file at `path` begins as a packed recording does.
  public static func isPacked(at path: String) -> Bool {
    guard HostFiles.kind(of: path) == .regular else { return false }
    let descriptor = HostFiles.open(path, for: .reading)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: Zstandard.magic.count)
    return pread(descriptor, &bytes, bytes.count, 0) == bytes.count && bytes == Zstandard.magic
  }

  /// What a verb says that changes recordings, and was given a packed one.
  public static func packedFailure(_ path: String) -> Failure {
    Failure(
      .file, path, "is a packed recording, which is not changed",
      remedy: "make a recording of it with 'rrtool unpack \(path)', and do it there")
  }
}
