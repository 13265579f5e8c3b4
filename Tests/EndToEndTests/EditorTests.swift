// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// What editors do: gdb's machine interface, with its steps back, driven by a client that others have written.
@Suite(
  .enabled(
    if: MIPackage.python != nil,
    "pygdbmi is not installed: Scripts/set-up tests puts it into .scratch/python"))
struct EditorTests {
  @Test func anEditorGoesBackToTheStoreThatCorruptedTheLedger() throws {
    let scratch = try Scratch()
    let recording = try scratch.recordCorruption()
    let python = try #require(MIPackage.python)
    let script = Place.project.appending(path: "Tests/EndToEndTests/mi_session.py").path
    let symbols = Place.guest("ledger").replacingOccurrences(of: ".elf", with: ".debug")
    let result = try scratch.run([python, script, Place.tool.path, scratch.path(recording), symbols])
    try #require(result.status == 0, "\(result.errors)\(result.text)")
    var told: [String: Any] = [:]
    for line in result.lines {
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
      told.merge(try #require(object as? [String: Any])) { $1 }
    }
    #expect(told["features"] as? [String] == ["reverse"])
    #expect(told["function"] as? String == "audit")
    for (name, value) in [
      "reason": "breakpoint-hit", "next": "end-stepping-range", "back": "breakpoint-hit",
      "step_back": "end-stepping-range", "trigger": "watchpoint-trigger",
    ] {
      #expect(told[name] as? String == value, "\(name)")
    }
    for name in [
      "next_moved", "same", "step_back_same", "instructions_same", "paid", "expression", "store", "shown",
    ] {
      #expect(told[name] as? Bool == true, "\(name)")
    }
    // Going back, a watchpoint stops at the store itself.
    #expect(["0x00000000800008dc", "0x00000000800008e0"].contains(told["address"] as? String))
  }
}

private enum MIPackage {
  static let python = PythonPackages.interpreter(having: "pygdbmi/gdbcontroller.py")
}
