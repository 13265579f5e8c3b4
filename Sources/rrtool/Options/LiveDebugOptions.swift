// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem

/// The options of a run that debuggers can come to.
struct LiveDebugOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Let debuggers that speak gdb's remote protocol come while the guest runs, at tcp:PORT (of this machine alone) or "
        + "unix:SOCKET. The guest stops for them, they can go back, and it goes on when they let it or leave.",
      valueName: "where"))
  var gdb: String?

  @OptionGroup var checkpoints: CheckpointOptions

  /// Where they come; nil: nowhere.
  func place() throws(Failure) -> DebuggerPlace? {
    guard let gdb else { return nil }
    let place = try DebuggerPlace(parsing: gdb)
    guard place != .stdio else {
      throw Failure(
        .usage, "--gdb stdio", "the guest's console is there", remedy: "give tcp:PORT or unix:SOCKET")
    }
    return place
  }
}
