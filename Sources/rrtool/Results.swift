import ArgumentParser
import RecordReplay

extension RunResult {
  /// Ends the command with the status that the run calls for.
  func leave() throws {
    if let failure { throw failure }
    if ending.reason == .poweredOff, ending.status != 0 { throw ExitStatus.guest(ending.status) }
  }
}

extension RecordingManifest.Ending {
  /// For people, in one line.
  var summary: String {
    let place = "at position \(grouped(position))"
    switch reason {
    case .poweredOff:
      return status == 0 ? "powered off \(place)" : "powered off with status \(status) \(place)"
    case .interrupted: return "stopped \(place)"
    case .limit: return "reached its limit \(place)"
    case .idleForever:
      return "stopped \(place): every hart waits for an interrupt, no timer is set and no input is attached"
    case .failed: return "failed \(place)"
    }
  }
}

/// 1234567 as 1_234_567, which can be typed again.
func grouped(_ number: UInt64) -> String {
  var text = ""
  for (index, digit) in String(number).reversed().enumerated() {
    if index > 0, index % 3 == 0 { text.append("_") }
    text.append(digit)
  }
  return String(text.reversed())
}

/// Nanoseconds as seconds: "1.234567".
func seconds(_ nanoseconds: UInt64) -> String {
  let fraction = String(nanoseconds % 1_000_000_000 / 1000)
  return "\(nanoseconds / 1_000_000_000)." + String(repeating: "0", count: 6 - fraction.count) + fraction
}
