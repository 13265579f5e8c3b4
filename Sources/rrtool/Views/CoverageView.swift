// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import Inspection
import TimeTravel
import Tracing

struct CoverageView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "coverage", abstract: "Tell which code was executed, and how often.",
    discussion: """
      It replays from --from to --to. The guest need not be built for it. Code is told by its virtual address: where several processes have
      different code at one address, it is all of them together.

      FORMATS
        table, json, ndjson, csv  by function
        drcov                     by block, for plug-ins of disassemblers: offsets are addresses within 4 GiB

      SECTIONS AND FIELDS
        coverage   covered_byte_count: bytes of code that were executed; unnamed_byte_count: of them, those that no symbol reaches;
                   function_count, covered_function_count
        functions  function, address, byte_count; covered_byte_count and covered_percent: what of it was executed;
                   entry_count: how often its first instruction was

      EXAMPLES
        rrtool inspect linux.rr coverage --symbols vmlinux
        rrtool inspect linux.rr coverage --symbols vmlinux --from 50% --format csv
        rrtool inspect linux.rr coverage --format drcov > linux.drcov
      """)

  private static let drcov = "drcov"

  @OptionGroup var recording: RecordingArgument

  @OptionGroup var range: RangeOptions

  @Option(help: ArgumentHelp("Look at what this hart did only.", valueName: "hart"))
  var hart: Int?

  @OptionGroup var symbols: SymbolOptions

  @OptionGroup var engine: EngineOption

  @Option(
    help: ArgumentHelp("table, json, ndjson or csv; or drcov.", valueName: "format"),
    completion: .list(ReportFormat.allCases.map(\.rawValue) + [Self.drcov]))
  var format = ReportFormat.table.rawValue

  func run() throws {
    try reporting {
      let table = try format == Self.drcov ? nil : FormatOption.parsed(format, or: [Self.drcov])
      if table == nil, Terminal.isTerminal(1) {
        throw Failure(
          .usage, "coverage", "is to be drcov, and standard output a terminal",
          remedy: "put it into a file (> run.drcov), or leave --format out")
      }
      let viewed = try ViewedRecording(recording)
      let replay = try TracedReplay(viewed, range, hart: hart, symbols: symbols, engine: engine)
      var coverage: CodeCoverage?
      try viewed.reading {
        try replay.trace(CoverageReader(from: replay.positions.lowerBound, hart: hart)) { coverage = $0 }
      }
      // A reader of coverage ends with it.
      guard let coverage else { preconditionFailure("a stretch without coverage") }
      if let table {
        try viewed.show(coverage.report(replay.names.places), table)
      } else {
        StandardOutput.write(coverage.drcov)
      }
    }
  }
}
