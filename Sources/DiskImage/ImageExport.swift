// SPDX-License-Identifier: Apache-2.0

import Glibc

extension BlockImage {
  /// Copies this image's contents, as the guest sees them, to a new image at `path` that stands alone. Zeros take no
  /// space in it. An existing file is never touched, and nothing is left behind when it fails.
  public func export(
    to path: String, format: ImageFormat, compressed: Bool = false
  ) throws(DiskImageError) {
    switch format {
    case .raw: _ = try RawImage(creating: path, size: size)
    case .qcow2: try Qcow2Image.create(at: path, size: size)
    }
    do throws(DiskImageError) {
      try copyContents(to: path, format: format, compressed: compressed)
    } catch {
      unlink(path)
      throw error
    }
  }

  private func copyContents(to path: String, format: ImageFormat, compressed: Bool) throws(DiskImageError) {
    let target = try ImageOpener().open(path, format: format, readOnly: false)
    let buffer = RawBuffer(count: 1 << 16)
    var offset = 0
    while offset < size {
      let part = buffer.bytes.slice(0, min(buffer.bytes.count, size - offset))
      try read(at: offset, into: part)
      let bytes = UnsafeRawBufferPointer(part)
      if !bytes.isZero {
        if compressed, let target = target as? Qcow2Image {
          try target.writeCompressed(at: offset, from: bytes, .small)
        } else {
          try target.write(at: offset, from: bytes)
        }
      }
      offset += part.count
    }
    try target.flush()
  }
}
