// SPDX-License-Identifier: Apache-2.0

import Execution
import HostSystem
import RecordingStore

/// The guest that is built into rrtool: a small ledger on two harts, with a race. `fixtures/guests/ledger` has its
/// sources and tells its story.
enum Demonstration {
  static func guest(shift: Int, sleeps: Bool) -> Guest {
    var guest = Guest(
      name: "demonstration", memorySize: 64 << 20, hartCount: 2, shift: shift, sleeps: sleeps,
      drives: [DriveOptions(source: .blank(size: 1 << 20))])
    guest.use(.bios, LedgerImage.bytes, from: name)
    return guest
  }

  private static let name = "demonstration guest"

  static func isBooted(_ recording: Recording) -> Bool {
    recording.manifest.boot.images.contains { $0.role == "bios" && $0.path == name }
  }

  /// Its symbols, where the project's folder is the one we are in, or one that rrtool was built in.
  static var symbols: String? {
    let file = "fixtures/guests/built/ledger.debug"
    if HostFiles.kind(of: file) == .regular { return file }
    guard var folder = HostFiles.resolved("/proc/self/exe") else { return nil }
    while folder != "/" {
      folder = HostFiles.parentFolder(of: folder)
      if HostFiles.kind(of: "\(folder)/\(file)") == .regular { return "\(folder)/\(file)" }
    }
    return nil
  }
}
