// SPDX-License-Identifier: Apache-2.0

/// The formats of images that are read and written here.
public enum ImageFormat: String, Codable, CaseIterable, Sendable {
  /// The disk's bytes, one after the other.
  case raw
  /// QEMU's copy-on-write format, versions 2 and 3.
  case qcow2

  /// What the file at `path` looks like. One of another format is refused, and whatever else is not qcow2 is raw: a raw image's
  /// contents are the guest's and can look like anything, so give the format wherever it is known.
  public static func probe(path: String) throws(DiskImageError) -> ImageFormat {
    let file = try ImageFile(opening: path, readOnly: true)
    if let foreign = ForeignFormat(of: file) { throw foreign.refusal(of: path) }
    return probe(file)
  }

  static func probe(_ file: ImageFile) -> ImageFormat {
    guard file.size >= 4, let start = try? file.read(at: 0, count: 4) else { return .raw }
    return start == Qcow2Header.magic ? .qcow2 : .raw
  }
}
