// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Inspection

struct RegistersView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "registers", abstract: "Show the harts' registers at any position.",
    discussion: """
      It replays up to --at, from the last snapshot before. The instruction of that position is the next one to be executed.

      FIELDS
        hart        whose
        group       state (pc and privilege: 0 user, 1 supervisor, 3 machine), integer, floating-point, csr
        name, alias x10 and a0
        value       64 bits

      EXAMPLES
        rrtool inspect linux.rr registers --at 50%
        rrtool inspect linux.rr registers --at before-bug --hart 1
        rrtool inspect linux.rr registers --at -1000 --format ndjson
      """)

  @OptionGroup var recording: RecordingArgument

  @Option(help: ArgumentHelp("Show this hart only.", valueName: "hart"))
  var hart: Int?

  @OptionGroup var place: PlaceOptions

  func run() throws {
    try reporting {
      try place.show(recording, preparing: { try HartWords.checked(hart, of: $0) }) { timeline, one in
        let all = 0..<timeline.recording.manifest.configuration.hartCount
        return Report(registersOf: timeline.machine, harts: one.map { [$0] } ?? Array(all))
      }
    }
  }
}
