// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import Inspection
import TimeTravel

struct SourceView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "source", abstract: "Show the source lines where the harts stand.",
    discussion: """
      It replays up to --at, from the last snapshot before. Lines are those of the debugging information (DWARF) of what was booted, or of
      --symbols. Where the compiler put a function's body into another function, the places have both, the innermost first.

      The text is shown where the source file is found: where the compiler had it, near the file with symbols, or where --directory and
      --source-map lead.

      SECTIONS AND FIELDS
        places  where each hart stands: hart; frame, 0 for the innermost; pc; symbol; function, as the sources call it; is_inlined: its
                body was put into that of the next frame; source: the line for people; file and line, as the compiler had them
        lines   the text around the innermost line: hart, path, number, is_here, text

      EXAMPLES
        rrtool inspect linux.rr source --at 50% --symbols vmlinux
        rrtool inspect linux.rr source --at before-bug --hart 1 --around 2 --symbols vmlinux
        rrtool inspect linux.rr source --at -1000 --symbols vmlinux --format json
      """)

  @OptionGroup var recording: RecordingArgument

  @Option(help: ArgumentHelp("Show this hart only.", valueName: "hart"))
  var hart: Int?

  @Option(help: ArgumentHelp("How many lines to show before the line and behind it.", valueName: "n"))
  var around = 5

  @OptionGroup var symbols: SymbolOptions

  @OptionGroup var sources: SourceOptions

  @OptionGroup var place: PlaceOptions

  func run() throws {
    try reporting {
      guard (0...100_000).contains(around) else {
        throw Failure(
          .usage, "--around \(around)", "is no number of lines", remedy: "give one from 0 to 100,000")
      }
      let files = try SourceFiles(sources)
      try place.show(
        recording, preparing: { (try HartWords.checked(hart, of: $0), try CodeNames(symbols, for: $0)) }
      ) { timeline, prepared in
        let (one, names) = prepared
        let all = 0..<timeline.recording.manifest.configuration.hartCount
        return Report(sources: (one.map { [$0] } ?? Array(all)).flatMap { rows($0, timeline, names, files) })
      }
    }
  }

  private func rows(
    _ hart: Int, _ timeline: Timeline, _ names: CodeNames, _ files: SourceFiles
  ) -> [SourceRow] {
    let address = timeline.machine.programCounter(hart: hart)
    let symbol = names.place(of: address).symbol
    guard let known = names.sources(of: address) else {
      return [SourceRow(hart: hart, frame: 0, programCounter: address, symbol: symbol)]
    }
    return known.places.enumerated().map { frame, place in
      var row = SourceRow(
        hart: hart, frame: frame, programCounter: address, symbol: symbol, function: place.function,
        file: place.file, line: place.line, isInlined: place.isInlined)
      if frame == 0, let file = place.file, let line = place.line {
        row.text = files.text(of: file, around: line, count: around, symbols: known.file.path)
      }
      return row
    }
  }
}
