// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Execution
import RecordingStore

extension RunResult {
  /// Ends the command with the status that the run calls for.
  func leave() throws {
    for name in lostSnapshots {
      say("snapshot \(name) is gone: the ring gave up the part of the run that it was of")
    }
    if let failure { throw failure }
    if ending.isLost { throw ExitStatus.lost }
    if ending.reason == .poweredOff, ending.status != 0 { throw ExitStatus.guest(ending.status) }
  }
}

extension RecordingManifest.Ending {
  /// The guest could not have gone on.
  var isLost: Bool { reason == .idleForever || reason == .lost }

  /// For people, in one line.
  var summary: String {
    let place = "at position \(position.grouped)"
    switch reason {
    case .poweredOff:
      return status == 0 ? "powered off \(place)" : "powered off with status \(status) \(place)"
    case .interrupted: return "stopped \(place)"
    case .limit: return "reached its limit \(place)"
    case .idleForever:
      return "stopped \(place): every hart waits for an interrupt, no timer is set and no input is attached"
        + (note.map { " (\($0))" } ?? "")
    case .lost: return "stopped \(place): the guest is lost: \(note ?? "nothing can change what it does")"
    case .failed: return "failed \(place)"
    }
  }
}
