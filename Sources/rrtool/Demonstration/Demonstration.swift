// SPDX-License-Identifier: Apache-2.0

import Execution
import RecordingStore

/// The guest that is built into rrtool: a small ledger on two harts, with a race. `fixtures/guests/ledger` has its
/// sources and tells its story.
enum Demonstration {
  static func guest(shift: Int, sleeps: Bool) -> Guest {
    var guest = Guest(
      name: "demonstration", memorySize: 64 << 20, hartCount: 2, shift: shift, sleeps: sleeps,
      drives: [DriveOptions(source: .blank(size: 1 << 20))])
    guest.use(.bios, LedgerImage.bytes, from: "demonstration guest")
    return guest
  }
}
