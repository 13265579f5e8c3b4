// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What is committed as built is what the sources give.
@Suite struct FixturesTests {
  @Test func committedGuestsAreWhatTheirSourcesGive() throws {
    let scratch = try Scratch()
    let guests = Place.project.appending(path: "fixtures/guests")
    let build = try scratch.run([guests.appending(path: "build").path, scratch.path("built")])
    try #require(build.status == 0, "\(build.errors)")
    let committed = try FileManager.default.contentsOfDirectory(atPath: guests.appending(path: "built").path)
    #expect(try Set(FileManager.default.contentsOfDirectory(atPath: scratch.path("built"))) == Set(committed))
    for name in committed {
      let expected = try Data(contentsOf: guests.appending(path: "built/\(name)"))
      #expect(try scratch.bytes("built/\(name)") == [UInt8](expected), "\(name): run 'make fixtures'")
    }
  }

  @Test func toolHoldsTheLedger() throws {
    let source = Place.project.appending(path: "Sources/rrtool/Demonstration/LedgerImage.swift")
    let pieces = try String(contentsOf: source, encoding: .utf8).components(separatedBy: "\"\"\"")
    try #require(pieces.count == 3)
    let embedded = Data(base64Encoded: pieces[1], options: .ignoreUnknownCharacters)
    #expect(try embedded == Data(contentsOf: URL(filePath: Place.guest("ledger"))), "run 'make fixtures'")
  }
}
