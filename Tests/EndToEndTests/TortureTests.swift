// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// A sample of `make torture`: kills, failed system calls and damaged inputs, the same ones each time but for when a kill strikes.
@Suite struct TortureTests {
  @Test(arguments: [["--kills", "20"], ["--faults", "80"], ["--damages", "200"]])
  func nothingIsLostAndNothingIsSilent(campaign: [String]) throws {
    let scratch = try Scratch()
    var words = [
      Place.project.appending(path: "Scripts/torture").path, "--rrtool", Place.tool.path, "--seed", "1",
    ]
    words += ["--jobs", "1", "--keep", scratch.path("kept")]
    words += ["--kills", "0", "--faults", "0", "--damages", "0"] + campaign
    let result = try scratch.run(words)
    #expect(result.status == 0, "\(result.text)\(result.errors)")
  }
}
