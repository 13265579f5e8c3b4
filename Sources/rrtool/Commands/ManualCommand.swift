// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteCoding
import HostSystem

/// What `make install` and `make docs` ask for. It is in the tool because the help texts are, so that installing needs no
/// other program.
struct ManualCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "manual",
    abstract: "Write a page for man of each command into a folder, or docs/commands.md to standard output.",
    shouldDisplay: false)

  @Argument(help: ArgumentHelp("The folder.", valueName: "folder"), completion: .directory)
  var folder: String?

  func run() throws {
    try reporting {
      guard let description = try? JSONParser.parse(RRTool._dumpHelp()),
        let root = description["command"].flatMap({ CommandPage($0) })
      else {
        throw Failure(
          .host, "manual", "the parser of command lines does not describe them",
          remedy: "build rrtool with the version of it in Package.swift")
      }
      guard let folder else { return StandardOutput.write(CommandsPage(root: root).text) }
      try HostFiles.makeFolders(folder)
      for page in root.all.map(ManualPage.init) {
        try HostFiles.replace("\(folder)/\(page.fileName)", with: Array(page.text.utf8))
      }
    }
  }
}
