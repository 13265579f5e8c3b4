// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Calls `body` with a path to a file that has these bytes; it has no name of its own that could be left behind.
func withFile(of bytes: [UInt8], _ body: (String) throws -> Void) throws {
  var template = Array("/tmp/rrtool-fuzz-XXXXXX".utf8CString)
  let descriptor = mkstemp(&template)
  precondition(descriptor >= 0, "there is no temporary file to be had")
  defer { close(descriptor) }
  unlink(template)
  var done = 0
  while done < bytes.count {
    let count = bytes[done...].withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, off_t(done)) }
    precondition(count > 0, "there is no room for a temporary file")
    done += count
  }
  try body("/proc/self/fd/\(descriptor)")
}
