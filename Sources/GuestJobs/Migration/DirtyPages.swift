// SPDX-License-Identifier: Apache-2.0

import Emulator

/// The pages that the guest has written since somebody last asked: what a migration sends again.
///
/// All of it happens on the machine's thread.
final class DirtyPages: PageKeeper, @unchecked Sendable {
  // Sendable: touched on the machine's thread alone, within `RunControl.perform`.
  private let memory: GuestMemory
  private var noted: PageSet

  init(_ memory: GuestMemory) {
    self.memory = memory
    noted = PageSet(pageCount: memory.pageCount)
  }

  func keep(page: Int, bytes: UnsafeRawPointer) { noted.insert(page) }

  /// Begins to note pages anew; answers those that were noted, ascending.
  func take() -> [Int] {
    let pages = noted.pages
    noted.removeAll()
    memory.beginKeeping(for: self)
    return pages
  }

  func end() { memory.endKeeping(for: self) }
}
