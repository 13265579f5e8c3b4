// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A file without a name: its space goes with the process, however that ends.
package struct TemporaryFile {
  package let descriptor: Int32
  /// The folder on whose file system it lies, for messages.
  package let folder: String

  /// Where `TMPDIR` says, or in /var/tmp, which is a disk where /tmp may be memory: QEMU's places.
  package static var defaultFolder: String {
    guard let named = getenv("TMPDIR"), named.pointee != 0 else { return "/var/tmp" }
    return String(cString: named)
  }

  /// Whoever gets it closes the descriptor.
  package init(in folder: String = defaultFolder) throws(DiskImageError) {
    var name = Array("\(folder)/rrtool.XXXXXX".utf8CString)
    var problem: Int32 = 0
    descriptor = name.withUnsafeMutableBufferPointer { buffer in
      // The name is never empty: it ends in a zero.
      let descriptor = mkstemp(buffer.baseAddress!)
      if descriptor < 0 { problem = errno } else { unlink(buffer.baseAddress!) }
      return descriptor
    }
    self.folder = folder
    guard descriptor >= 0 else {
      throw DiskImageError(
        .system(problem), path: folder,
        problem: "no temporary file can be made there: \(String(cString: strerror(problem)))",
        advice: "name another folder with TMPDIR")
    }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }
}
