// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import RecordingStore
import TimeTravel

struct SymbolsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "symbols", abstract: "Get symbols of a recorded guest.", subcommands: [Linux.self])
}

extension SymbolsCommand {
  struct Linux: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write the names that a Linux kernel has of itself, for --symbols and for debuggers.",
      discussion: """
        Most kernels are shipped without symbols, and have them in memory all the same (kallsyms), with those of the modules that are loaded. They are
        looked for in the guest's memory at --at: the guest does not help, and does not notice. The file has functions and variables, but no source
        lines and no types.

        EXAMPLES
          rrtool symbols linux linux.rr -o vmlinux.symbols
          rrtool inspect linux.rr profile --symbols vmlinux.symbols
        """)

    @OptionGroup var recordingArgument: RecordingArgument

    @Option(
      parsing: .unconditional,
      help: ArgumentHelp("Look at the guest at this position (end).", valueName: "position"),
      completion: Completions.position)
    var at: String?

    @Option(
      name: [.customShort("o"), .long],
      help: ArgumentHelp("The file to make (vmlinux.symbols).", valueName: "file"), completion: .file())
    var output = "vmlinux.symbols"

    @Flag(help: "Replace the file that stands there.")
    var force = false

    @OptionGroup var engine: EngineOption

    func run() throws {
      try reporting {
        var files = FilePlaces()
        files.read(recordingArgument)
        files.write(whole: output, "-o ")
        try files.check()
        let recording = try recordingArgument.open()
        guard force || HostFiles.kind(of: output) == nil else {
          throw Failure(
            .exists, output, "there is a file already",
            remedy: "choose another name with -o, or give --force to replace it")
        }
        let place = try PositionExpression.parsed(at ?? "end", option: "--at")
        let timeline = try Timeline(recording, near: place, engine: engine.parsed())
        try timeline.goThere()
        let names = try OwnNames(of: timeline)
        try HostFiles.replace(output, with: names.file)
        say(names.banner)
        say("\(output): \(names.summary)")
      }
    }
  }
}
