// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import Inspection
import Tracing

struct CoverageView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "coverage", abstract: "Tell which code was executed, and how often.",
    discussion: """
      It replays from --from to --to, both of them counted. The guest need not be built for it. Code is told by its virtual address: where several processes have
      different code at one address, it is all of them together.

      FORMATS
        table, json, ndjson, csv  by function
        lcov                      by line, for genhtml and lcov: --symbols needs debugging information
        drcov                     by block, for plug-ins of disassemblers: offsets are addresses within 4 GiB

      SECTIONS AND FIELDS
        coverage   covered_byte_count: bytes of code that were executed; unnamed_byte_count: of them, those that no symbol reaches;
                   function_count, covered_function_count
        functions  function, address, byte_count; covered_byte_count and covered_percent: what of it was executed;
                   entry_count: how often its first instruction was

      EXAMPLES
        rrtool inspect linux.rr coverage --symbols vmlinux
        rrtool inspect linux.rr coverage --symbols vmlinux --from 50% --format csv
        rrtool inspect linux.rr coverage --symbols vmlinux --format lcov > linux.info
        rrtool inspect linux.rr coverage --format drcov > linux.drcov
      """)

  private enum Foreign: String, CaseIterable {
    case lcov, drcov
  }

  @OptionGroup var recording: RecordingArgument

  @OptionGroup var stretch: StretchOptions

  @Option(
    help: ArgumentHelp("table, json, ndjson or csv; or lcov or drcov.", valueName: "format"),
    completion: .list(ReportFormat.allCases.map(\.rawValue) + Foreign.allCases.map(\.rawValue)))
  var format = ReportFormat.table.rawValue

  func run() throws {
    try reporting {
      let foreign = Foreign(rawValue: format)
      let table = try foreign == nil ? FormatOption.parsed(format, or: Foreign.allCases.map(\.rawValue)) : nil
      if foreign == .drcov {
        try StandardOutput.checkIsNoTerminal(
          "coverage", "is to be drcov", remedy: "put it into a file (> run.drcov), or leave --format out")
      }
      let viewed = try ViewedRecording(recording)
      let replay = try TracedReplay(viewed, stretch)
      let reader = CoverageReader(from: replay.positions.lowerBound, hart: stretch.hart)
      let coverage = try viewed.reading { try replay.whole(reader) }
      switch foreign {
      case nil: try viewed.show(coverage.report(replay.names.code), table ?? .table)
      case .lcov: try lines(coverage, replay.names).renderLcov { StandardOutput.write($0) }
      case .drcov: StandardOutput.write(coverage.drcov)
      }
    }
  }

  private func lines(_ coverage: CodeCoverage, _ names: CodeNames) throws(Failure) -> LineCoverage {
    var lines = LineCoverage(coverage)
    for file in names.files {
      let displacement = file.displacement
      file.debugFile?.forEachLineStart {
        lines.add(line: $0.line, of: $0.file, at: $0.address &+ displacement)
      }
      for place in file.symbols.places where place.isFunction {
        guard let start = file.debugFile?.assemblyLine(at: place.address) else { continue }
        lines.add(
          function: place.name, line: start.line, of: start.file, at: place.address &+ displacement)
      }
      file.debugFile?.forEachFunctionStart {
        lines.add(function: $0, line: $1.line, of: $1.file, at: $1.address &+ displacement)
      }
    }
    guard !lines.isEmpty else {
      throw Failure(
        .usage, "--format lcov", "needs lines, and nothing that is known of the guest's code has any",
        remedy: "name an ELF file that was built with -g with --symbols")
    }
    return lines
  }
}
