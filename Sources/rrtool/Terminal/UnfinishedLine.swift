// SPDX-License-Identifier: Apache-2.0

import HostSystem
import Synchronization

/// A line of the guest's that it has not ended, where what rrtool says goes to the same place: the first word of rrtool's begins a new
/// one. The bytes of a console that goes elsewhere are the guest's alone.
enum UnfinishedLine {
  private static let isOpen = Atomic<Bool>(false)

  /// The console at `descriptor` was left in the middle of a line.
  static func leave(at descriptor: Int32) {
    if isStandardError(descriptor) { isOpen.store(true, ordering: .relaxed) }
  }

  /// Whether standard error is to begin a new line, which it then has.
  static func end() -> Bool { isOpen.exchange(false, ordering: .relaxed) }

  /// A terminal, pipe or file that both lead to (2>&1).
  private static func isStandardError(_ descriptor: Int32) -> Bool {
    descriptor == 2 || HostFiles.identity(of: descriptor).map { $0 == HostFiles.identity(of: 2) } ?? false
  }
}
