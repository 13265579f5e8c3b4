// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// What docs/ci.md tells people to type works as it stands there, for a test that passes and for one that fails.
@Suite struct JobPageTests {
  @Test(arguments: ["hello", "status42"]) func theLinesOfThePageRun(_ guest: String) throws {
    let scratch = try Scratch()
    let page = try Documentation("docs/ci.md")
    let lines = page.codeLines.compactMap { line in
      line.wholeMatch(of: #/\s*(?:- |run: )*((?:if \[ .*; then )?rrtool .*)/#).map { String($0.1) }
    }
    #expect(lines.count >= 8, "\(lines)")
    try FileManager.default.createDirectory(
      atPath: scratch.path("build"), withIntermediateDirectories: false)
    try FileManager.default.copyItem(atPath: Place.guest(guest), toPath: scratch.path("build/test.elf"))
    try FileManager.default.createDirectory(atPath: scratch.path("bin"), withIntermediateDirectories: false)
    try FileManager.default.createSymbolicLink(
      atPath: scratch.path("bin/rrtool"), withDestinationPath: Place.tool.path)
    let fails = guest == "status42"
    // gdb is another test's.
    for line in lines where !line.contains("--debug") {
      let isAfterFailure = line.contains("failing.rrz") || line.hasPrefix("rrtool pack")
      if isAfterFailure, !fails { continue }
      // Each job begins in a folder of its own.
      if line.contains("record") {
        for name in ["failing.rr", "failing.rrz"] {
          try? FileManager.default.removeItem(atPath: scratch.path(name))
        }
      }
      let result = try scratch.run(
        ["sh", "-c", "PATH=\(scratch.path("bin")):$PATH; \(line)"], folder: scratch.folder.path)
      let isStatusOfGuest = line.contains("rrtool run") || line.contains("record") || line.contains("replay")
      #expect(result.status == (fails && isStatusOfGuest ? 42 : 0), "\(line): \(result.errors)")
      guard line.contains("record") else { continue }
      #expect(FileManager.default.fileExists(atPath: scratch.path("failing.rr")) == fails)
      #expect(try ResultDocument(try scratch.bytes("result.json")).result.end == "guest-exit")
    }
  }
}
