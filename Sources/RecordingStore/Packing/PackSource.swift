// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Glibc
import HostSystem

/// A file that goes into a packed recording.
struct PackSource {
  /// In the recording's folder.
  let name: String
  let size: UInt64
  /// Puts bytes from an offset on into the buffer.
  let read: (_ offset: UInt64, _ buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int

  /// Bytes that are there.
  init(_ name: String, _ bytes: [UInt8]) {
    self.name = name
    size = UInt64(bytes.count)
    read = { offset, buffer in
      buffer.copyBytes(from: bytes[Int(offset)..<Int(offset) + buffer.count])
      return buffer.count
    }
  }

  /// A file of the recording, which must be no link: what a stranger's recording points to is not carried off.
  init(_ name: String, file path: String, mayBeLink: Bool = false) throws(Failure) {
    guard mayBeLink || HostFiles.linkTarget(path) == nil else {
      throw Failure(.file, path, "is a link, which no recording has", remedy: "put the file itself there")
    }
    guard let size = HostFiles.size(of: path) else {
      throw Failure(.file, path, "is missing", remedy: "restore it from a copy")
    }
    // Nobody writes to it meanwhile.
    let image = try withImageFailures { () throws(DiskImageError) in
      try ImageOpener().open(path, format: .raw, sharing: .stable)
    }
    self.init(name, image, size: size)
  }

  init(_ name: String, _ image: any BlockImage, size: UInt64) {
    self.name = name
    self.size = size
    read = { (offset, buffer) throws(Failure) in
      try withImageFailures { () throws(DiskImageError) in try image.read(at: Int(offset), into: buffer) }
      return buffer.count
    }
  }
}
