// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The lines of docs/qemu-command-lines.md do not only become lines of rrtool: guests run by them.
@Suite struct QEMUPageTests {
  @Test func theLinesOfThePageRun() throws {
    let scratch = try Scratch()
    let result = try scratch.run(
      [
        Place.project.appending(path: "Scripts/qemu-lines").path, "--common", "--rrtool", Place.tool.path,
      ], seconds: 600)
    #expect(result.status == 0, "\(result.errors)")
    let count = result.errors.matches(of: #/(\d+) lines run, 0 wrong/#).first.flatMap { Int($0.1) }
    #expect(count ?? 0 >= 20, "\(result.errors)")
  }
}
