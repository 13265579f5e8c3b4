// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Inspection

struct SummaryView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "summary",
    abstract: "Show what ran, how long, how it ended, and what the recording is made of.",
    discussion: """
      This is what is shown when nothing else is asked for. It reads the manifest and the log.

      SECTIONS AND FIELDS
        recording  path, state, is_being_made, state_text, tool_version, created_ns, created
        machine    memory_bytes, hart_count, shift, command_line
        images     what was loaded: role (bios, kernel or initrd), path, byte_count, digest
        drives     drive, size_bytes, read_only, overlay, base
        run        start_position, end_position, instruction_count, guest_time_ns, end, end_text, end_note, exit_status, event_count, log_bytes,
                   log_bytes_per_1000_instructions, log_complete, log_dropped_bytes
        events     how many there are: kind, event_count, byte_count
        snapshots  name, position, time_ns
        files      name, byte_count

      EXAMPLES
        rrtool inspect
        rrtool inspect linux.rr
        rrtool inspect linux.rr summary --format json
      """)

  @OptionGroup var recording: RecordingArgument

  @OptionGroup var format: FormatOption

  func run() throws {
    try reporting {
      let format = try format.parsed()
      let viewed = try ViewedRecording(recording)
      try viewed.show(RecordingSummary(facts: viewed.facts(), log: viewed.log).report, format)
    }
  }
}
