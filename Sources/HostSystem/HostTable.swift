// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A table whose size follows from the guest's: zeros, which the host gives as they are touched. Unlike Swift's own allocation it
/// ends with a line for the user where the host has no addresses left.
package struct HostTable<Entry: BitwiseCopyable>: ~Copyable {
  package let entries: UnsafeMutablePointer<Entry>

  package init(count: Int) {
    guard let memory = calloc(max(count, 1), MemoryLayout<Entry>.stride) else {
      giveUp(
        "the host has no \(count * MemoryLayout<Entry>.stride) bytes of addresses for tables of a guest's memory",
        remedy: "raise the limit on address space, or give the guest less memory")
    }
    entries = memory.bindMemory(to: Entry.self, capacity: count)
  }

  deinit { free(entries) }
}
