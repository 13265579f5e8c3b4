// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import Inspection
import ReplayLog

struct EventsView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "events", abstract: "List what entered and left the machine, in its order.",
    discussion: """
      A table has the number of each event, its position, the guest's time, its kind, and the event in a few words. The other formats
      have all that is in it. docs/formats/replay-log.md tells of each kind.

      FIELDS
        number                which event
        position, time_ns     where
        kind                  what --kind takes; kind- and a number of one that this rrtool does not know
        text                  the event in a few words, for people
        byte_count            bytes in the log before compression
        data, data_base64     of console input and output, entropy, notes and frames; in base 64 too where it is not text
        data_bytes            how many bytes they are
        drive, request        of requests to drives and their answers
        operation             of a request: read, write, flush, discard, write-zeroes, write-zeroes-unmap
        sector, sector_count  of a request: sectors of 512 bytes
        succeeded             of an answer
        data_digest           of the data that were written or read, and of frames that are not whole in the log
        wall_clock_ns         what the guest was told, since 1970
        source                of a reset or power-off: host or guest
        reason                what ended the run
        exit_status           of a power-off and of the end
        name                  of a snapshot
        interface             of a frame and of a change of a link: which network card
        link_up               of a change of a link
        digests               component=digest of each component

      EXAMPLES
        rrtool inspect linux.rr events --limit 20
        rrtool inspect linux.rr events --kind clock-read --from -400_000 --to end
        rrtool inspect linux.rr events --kind block-request --kind block-completion --from before-bug
        rrtool inspect linux.rr events --format ndjson
      """)

  @OptionGroup var recording: RecordingArgument

  @OptionGroup var range: RangeOptions

  @Option(
    help: ArgumentHelp("Show events of this kind only; may be given several times.", valueName: "kind"),
    completion: Completions.kind)
  var kind: [String] = []

  @Option(help: ArgumentHelp("Show at most so many events.", valueName: "n"))
  var limit: Int?

  @OptionGroup var format: FormatOption

  func run() throws {
    try reporting {
      let (format, kinds) = (try format.parsed(), try kinds())
      if let limit, limit < 0 {
        throw Failure(.usage, "--limit \(limit)", "is no number of events", remedy: "give one such as 20")
      }
      let viewed = try ViewedRecording(recording, onlyLog: !range.namesSnapshot)
      let query = EventQuery(kinds: kinds, positions: try range.resolved(in: viewed), limit: limit ?? .max)
      try viewed.show(query.report(of: viewed.log), format)
    }
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
