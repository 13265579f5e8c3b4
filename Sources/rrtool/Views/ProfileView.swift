// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import Inspection
import Tracing

struct ProfileView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "profile", abstract: "Count the instructions of each function, and of who called it.",
    discussion: """
      It replays from --from to --to, both of them counted, and counts every instruction: nothing is sampled. Functions are
      named by the symbols of what was booted, or of --symbols. Code that none reaches is [user], [supervisor] or [machine], by its hart's mode; without
      any symbols, functions are the addresses that were called.

      Who called whom follows from jumps that link to ra or t0, from returns, and from traps; tasks that take turns keep their stacks. What was
      called before --from has no callers. Code that runs on into what has another name, without a jump, counts there from its last jump on.

      FORMATS
        table, json, ndjson, csv  by function
        svg                       a flame graph, for any browser
        folded                    a line a chain of callers, for FlameGraph's scripts
        speedscope                for speedscope.app
        callgrind                 for callgrind_annotate and KCachegrind
        pprof                     for pprof

      SECTIONS AND FIELDS
        profile    instruction_count, function_count; crossed_count: instructions that ran on into another function
        functions  function; self_count and self_percent: instructions of its own; total_count and total_percent: with what it called;
                   call_count: how often it was called, or jumped to at its start from another

      EXAMPLES
        rrtool inspect linux.rr profile --symbols vmlinux
        rrtool inspect linux.rr profile --symbols vmlinux --from 50% --format svg > profile.svg
        rrtool inspect linux.rr profile --symbols vmlinux --format folded > linux.folded
      """)

  private enum Foreign: String, CaseIterable {
    case svg, folded, speedscope, callgrind, pprof
  }

  @OptionGroup var recording: RecordingArgument

  @OptionGroup var stretch: StretchOptions

  @Option(
    help: ArgumentHelp(
      "table, json, ndjson or csv; or svg, folded, speedscope, callgrind or pprof.", valueName: "format"),
    completion: .list(ReportFormat.allCases.map(\.rawValue) + Foreign.allCases.map(\.rawValue)))
  var format = ReportFormat.table.rawValue

  func run() throws {
    try reporting {
      let foreign = Foreign(rawValue: format)
      let table = try foreign == nil ? FormatOption.parsed(format, or: Foreign.allCases.map(\.rawValue)) : nil
      if foreign == .svg || foreign == .pprof {
        try StandardOutput.checkIsNoTerminal(
          "profile", "is to be \(format)",
          remedy: "put it into a file (> profile.\(format)), or leave --format out")
      }
      let viewed = try ViewedRecording(recording)
      let replay = try TracedReplay(viewed, stretch)
      let reader = ProfileReader(
        CodeMap(replay.names.code), from: replay.positions.lowerBound, hart: stretch.hart)
      let profile = try viewed.reading { try replay.whole(reader) }
      let name = viewed.recording.name
      switch foreign {
      case nil: try viewed.show(profile.report, table ?? .table)
      case .svg: profile.renderSVG(name: name) { StandardOutput.write($0) }
      case .folded: profile.renderFolded { StandardOutput.write($0) }
      case .speedscope: profile.renderSpeedscope(name: name) { StandardOutput.write($0) }
      case .callgrind: profile.renderCallgrind(name: name) { StandardOutput.write($0) }
      case .pprof: StandardOutput.write(profile.pprof)
      }
    }
  }
}
