// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What Linux unpacks into its first file system.
enum Initramfs {
  /// An initramfs in the form `newc` (Linux, Documentation/driver-api/early-userspace/buffer-format.rst).
  static func archive(init program: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    var number = 0
    func pad() { while bytes.count % 4 != 0 { bytes.append(0) } }
    func add(_ name: String, mode: Int, device: (major: Int, minor: Int) = (0, 0), _ content: [UInt8] = []) {
      number += 1
      let fields = [
        number, mode, 0, 0, 1, 0, content.count, 0, 0, device.major, device.minor, name.utf8.count + 1, 0,
      ]
      bytes += Array("070701".utf8)
      for field in fields { bytes += Array(String(format: "%08x", field).utf8) }
      bytes += Array(name.utf8) + [0]
      pad()
      bytes += content
      pad()
    }
    add("dev", mode: 0o040755)
    add("dev/console", mode: 0o020600, device: (5, 1))
    add("init", mode: 0o100755, program)
    add("TRAILER!!!", mode: 0)
    return bytes
  }
}
