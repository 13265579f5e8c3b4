// SPDX-License-Identifier: Apache-2.0

import HostSystem
import RecordingStore

/// What `--icount` says.
struct InstructionCounting {
  var shift = 3
  var sleeps = true
  var logPath: String?
  var snapshotName: String?

  init() {}

  init(parsing text: String) throws(Failure) {
    for (key, value) in try OptionList.parse(text, option: "--icount") {
      func refuse(_ allowed: String) -> Failure {
        Failure(.usage, "--icount \(key)=\(value)", "is not possible", remedy: "give \(allowed)")
      }
      switch key {
      case "shift":
        guard let number = Int(value), (0...10).contains(number) else { throw refuse("shift=0 to shift=10") }
        shift = number
      case "sleep":
        guard value == "on" || value == "off" else { throw refuse("sleep=on or sleep=off") }
        sleeps = value == "on"
      case "rrfile": logPath = value
      case "rrsnapshot": snapshotName = value
      default: throw refuse("shift, sleep, rrfile or rrsnapshot; record and replay are rrtool's commands")
      }
    }
  }
}
