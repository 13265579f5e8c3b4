// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Inspection

struct StatsView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Count what happened, and where nothing did.",
    discussion: """
      All of the log is read. Idle time is what was skipped while every hart waited for an interrupt.

      SECTIONS AND FIELDS
        totals    instruction_count, guest_time_ns, idle_time_ns, idle_share, longest_idle_ns, event_count, console_input_bytes,
                  console_output_bytes, entropy_bytes, event_bytes, log_bytes, compression_ratio, log_members
        kinds     what there is of each kind of event: kind, event_count, byte_count, byte_share
        timeline  a row for each tenth of the run: first_position, last_position, event_count, byte_count, idle_time_ns
        gaps      the longest stretches without an event: after_event, first_position, instruction_count, duration_ns
        drives    drive, read_count, read_bytes, write_count, written_bytes, flush_count, clear_count, cleared_bytes, failure_count,
                  unanswered_count
        interfaces
                  what passed through network cards: interface, input_count, input_bytes, output_count, output_bytes, link_change_count

      EXAMPLES
        rrtool inspect linux.rr stats
        rrtool inspect linux.rr stats --format csv
      """)

  @OptionGroup var recording: RecordingArgument

  @OptionGroup var format: FormatOption

  func run() throws {
    try reporting {
      let format = try format.parsed()
      let viewed = try ViewedRecording(recording, onlyLog: true)
      try viewed.show(RecordingStatistics(log: viewed.log).report, format)
    }
  }
}
