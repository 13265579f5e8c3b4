// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// The keys of a terminal that is the guest's console.
@Suite struct KeysTests {
  @Test func controlCIsRrtoolsOrTheGuests() throws {
    let scratch = try Scratch()
    let driver = Place.project.appending(path: "Tests/EndToEndTests/keys_on_terminal.py").path
    let result = try scratch.run(
      ["python3", "-B", driver, Place.tool.path, Place.guest("echo"), scratch.folder.path], seconds: 120)
    #expect(result.status == 0, "\(result.text)\(result.errors)")
    for name in ["keeps", "pieces", "passes"] {
      #expect(try scratch.rrtool("verify", scratch.path("\(name).rr")).status == 0)
    }
  }
}
