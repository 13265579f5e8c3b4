// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import Inspection
import RecordingStore
import ReplayLog
import TimeTravel

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Look into a recording.",
    discussion: """
      EXAMPLES
        rrtool inspect                                       a summary of the latest recording
        rrtool inspect linux.rr events --kind clock-read --from -400_000 --to end
        rrtool inspect linux.rr console --timestamps
        rrtool inspect linux.rr events --format ndjson
        rrtool inspect linux.rr chart > linux.svg            a picture of the run
        rrtool inspect linux.rr last-write 0x80201000,8 --before 50% --symbols vmlinux
      """)

  enum View: String, CaseIterable, ExpressibleByArgument {
    case summary, events, console, stats, chart
    case lastWrite = "last-write"
  }

  @Argument(
    help: ArgumentHelp(
      "The recording (the latest one if none is named) and, before or behind it, what to show: summary, events, console, stats, chart, or "
        + "last-write ADDRESS[,LENGTH]: who wrote these bytes of memory last.",
      valueName: "name.rr] [view"), completion: Completions.recordingAndView(View.allCases.map(\.rawValue)))
  var words: [String] = []

  @Option(
    parsing: .unconditional, help: ArgumentHelp("First position to show.", valueName: "position"),
    completion: Completions.position)
  var from: String?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Last position to show.", valueName: "position"),
    completion: Completions.position)
  var to: String?

  @Option(
    help: ArgumentHelp("Show events of this kind only; may be given several times.", valueName: "kind"),
    completion: Completions.kind)
  var kind: [String] = []

  @Option(help: ArgumentHelp("Show at most so many events.", valueName: "n"))
  var limit: Int?

  @Flag(help: "Show each line of the console with its position and guest time.")
  var timestamps = false

  @OptionGroup var lastWrite: LastWriteOptions

  @OptionGroup var bases: BaseOption

  @Option(
    help: ArgumentHelp("table, json, ndjson or csv; for chart also svg, its default.", valueName: "format"),
    completion: .list(ReportFormat.allCases.map(\.rawValue) + ["svg"]))
  var format: String?

  func run() throws {
    try reporting {
      let (name, view, address) = try parseWords()
      let (recording, log, context) = try Recordings.open(name, bases, onlyLog: readsOnlyLog(view))
        .lookingAgain {
          (recording) throws(Failure) in
          let log = try recording.openLog()
          return (recording, log, try Timeline.context(of: recording, log: log, current: nil))
        }
      func place(_ text: String?, _ option: String, otherwise: UInt64) throws(Failure) -> UInt64 {
        guard let text else { return otherwise }
        return try PositionExpression.parsed(text, option: option).resolve(in: context)
      }
      let first = try place(from, "--from", otherwise: 0)
      let last = try place(to, "--to", otherwise: .max)
      guard first <= last else {
        throw Failure(.usage, "--from", "lies after --to", remedy: "exchange them")
      }
      do {
        if let address {
          try show(
            try lastWrite.report(
              of: recording, address,
              before: place(lastWrite.before, "--before", otherwise: log.last.position)))
        } else {
          try show(view, of: recording, log, positions: first...last)
        }
      } catch let error as ReplayLogError {
        throw Failure(error)
      }
    }
  }

  /// Whether nothing else of the recording is needed: no snapshot is looked for, and none is shown.
  private func readsOnlyLog(_ view: View) -> Bool {
    let namesSnapshot = [from, to].contains { text in
      if case .snapshot? = text.flatMap(PositionExpression.init) { true } else { false }
    }
    return [.events, .console, .stats].contains(view) && !namesSnapshot
  }

  /// `address` is there for `last-write` only.
  private func parseWords() throws(Failure) -> (name: String?, view: View, address: String?) {
    var rest = words[...]
    var name = rest.first.flatMap { View(rawValue: $0) } == nil ? rest.popFirst() : nil
    guard let word = rest.popFirst() else { return (name, .summary, nil) }
    guard let view = View(rawValue: word) else {
      throw Failure(
        .usage, word, "is nothing to show",
        remedy: "give summary, events, console, stats, chart or last-write")
    }
    var address: String?
    if view == .lastWrite {
      address = rest.popFirst()
      guard address != nil else {
        throw Failure(.usage, word, "of what?", remedy: "give ADDRESS or ADDRESS,LENGTH: 0x80201000,8")
      }
    }
    if name == nil { name = rest.popFirst() }
    if let extra = rest.first {
      throw Failure(.usage, extra, "is one word too many", remedy: "give a recording and what to show")
    }
    return (name, view, address)
  }

  private func show(
    _ view: View, of recording: Recording, _ log: ReplayLogReader, positions: ClosedRange<UInt64>
  ) throws {
    let transcript = ConsoleTranscript(log, positions: positions)
    if view == .console, !timestamps, format == nil {
      return try transcript.forEachPiece { StandardOutput.write($0) }
    }
    let report: Report? =
      switch view {
      case .summary: try RecordingSummary(facts: facts(recording), log: log).report
      case .events:
        EventQuery(kinds: try kinds(), positions: positions, limit: max(0, limit ?? .max)).report(of: log)
      case .console: transcript.report
      case .stats: try RecordingStatistics(log: log).report
      case .chart: try show(RunChart(facts: facts(recording), log: log, positions: positions))
      // It is asked with an address, above.
      case .lastWrite: nil
      }
    if let report { try show(report) }
  }

  private func facts(_ recording: Recording) throws(Failure) -> RecordingFacts {
    try recording.lookingAgain { (recording) throws(Failure) in try RecordingFacts(recording) }
  }

  /// The report of the chart where that is asked for; a picture is shown here.
  private func show(_ chart: RunChart) throws -> Report? {
    guard format == nil || format == "svg" else { return chart.report }
    guard !Terminal.isTerminal(1) else {
      throw Failure(
        .usage, "chart", "is a picture, and standard output a terminal",
        remedy: "put it into a file (> run.svg), or give --format table")
    }
    try chart.renderSVG { StandardOutput.write($0) }
    return nil
  }

  private func show(_ report: Report) throws {
    guard let format = ReportFormat(rawValue: format ?? ReportFormat.table.rawValue) else {
      throw Failure(
        .usage, "--format \(format ?? "")", "is no format",
        remedy: "give table, json, ndjson or csv; svg for a chart")
    }
    try report.show(format)
  }

  private func kinds() throws(Failure) -> Set<LogEventKind>? {
    guard !kind.isEmpty else { return nil }
    var kinds: Set<LogEventKind> = []
    for name in kind {
      guard let known = LogEventKind(name: name) else {
        throw Failure(
          .usage, "--kind \(name)", "is no kind of event",
          remedy: "give one of \(LogEventKind.allCases.map(\.name).joined(separator: ", "))")
      }
      kinds.insert(known)
    }
    return kinds
  }
}
