// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// What `make install` and `make deb` do with a built tool.
@Suite struct InstallTests {
  private func install(_ scratch: Scratch, _ words: String...) throws -> ProgramResult {
    try scratch.run(["bash", Place.project.appending(path: "Scripts/install").path] + words)
  }

  @Test func whatIsInstalledCanBeTakenAway() throws {
    let scratch = try Scratch()
    let installed = try install(scratch, Place.tool.path, "/opt/here", scratch.path("root"))
    #expect(installed.status == 0, "\(installed.errors)")
    let files = try FileManager.default.subpathsOfDirectory(atPath: scratch.path("root/opt/here"))
    for name in [
      "bin/rrtool", "share/man/man1/rrtool.1", "share/man/man1/rrtool-snapshot-create.1",
      "share/bash-completion/completions/rrtool", "share/zsh/site-functions/_rrtool",
      "share/fish/vendor_completions.d/rrtool.fish",
    ] {
      #expect(files.contains(name), "\(name)")
    }
    let version = try scratch.run([scratch.path("root/opt/here/bin/rrtool"), "--version"])
    #expect(version.text == (try scratch.rrtool("--version")).text)
    for (shell, file) in [
      ("bash", "bash-completion/completions/rrtool"), ("zsh", "zsh/site-functions/_rrtool"),
      ("fish", "fish/vendor_completions.d/rrtool.fish"),
    ] {
      let checked = try scratch.run([shell, "-n", scratch.path("root/opt/here/share/\(file)")])
      #expect(checked.status == 0 && checked.errors == "", "\(shell): \(checked.errors)")
    }

    let removed = try install(scratch, "--remove", "/opt/here", scratch.path("root"))
    #expect(removed.status == 0, "\(removed.errors)")
    for (name, content) in try scratch.contents(below: "root") where !content.isEmpty {
      Issue.record("\(name) is still there")
    }
  }

  @Test func aPrefixThatIsNoneIsTold() throws {
    let scratch = try Scratch()
    let result = try install(scratch, Place.tool.path, "here", scratch.path("root"))
    #expect(result.status == 1 && result.errors.contains("PREFIX=here"))
  }
}
