// SPDX-License-Identifier: Apache-2.0

/// What `-icount` says.
struct Counting {
  var shift: String?
  var sleep: String?
  var verb: Translation.Verb?
  var file: String?
  var snapshot: String?
  var isAutomatic = false

  mutating func take(_ text: String) throws(WordProblem) {
    var properties = try Properties(text, implied: "shift")
    if let value = properties.take("shift") {
      isAutomatic = value == "auto"
      if isAutomatic {
        shift = nil
      } else {
        guard let number = Int(value), (0...10).contains(number) else {
          throw WordProblem("shift is 0 to 10, or auto")
        }
        shift = String(number)
      }
    }
    if let isOn = try properties.takeFlag("sleep") { sleep = isOn ? nil : "off" }
    _ = properties.take("align")
    switch properties.take("rr") {
    case nil: break
    case "record"?: verb = .record
    case "replay"?: verb = .replay
    case let value?: throw WordProblem("rr is record or replay, not '\(value)'")
    }
    file = properties.take("rrfile") ?? file
    snapshot = properties.take("rrsnapshot") ?? snapshot
    if let other = properties.fields.first { throw WordProblem("'\(other.key)' says nothing of time") }
  }

  /// The recording that `rrfile` names: QEMU's is one file, rrtool's a folder beside where that would be.
  var recording: String? { file.map { $0.hasSuffix(".rr") || $0.hasSuffix(".rrz") ? $0 : $0 + ".rr" } }

  /// What `--icount` is to say.
  func words(_ verb: Translation.Verb) -> [String] {
    var parts: [String] = []
    if let shift { parts.append("shift=" + shift) }
    if let sleep { parts.append("sleep=" + sleep) }
    if verb == .record, let snapshot { parts.append("rrsnapshot=" + Properties.escape(snapshot)) }
    return parts.isEmpty ? [] : ["--icount", parts.joined(separator: ",")]
  }
}
