// SPDX-License-Identifier: Apache-2.0

import Emulator
import ReplayLog

/// A replay did something that the recorded run did not do, or not there.
public struct Divergence: Error, Equatable, Sendable, CustomStringConvertible {
  /// Where the replay stands.
  public var moment: Moment
  /// The hart whose turn it was, and its program counter.
  public var hart: Int
  public var programCounter: UInt64
  /// What the recording says comes next.
  public var expected: String
  /// What the replayed guest did.
  public var found: String
  /// Number of the event in the log that was not met; nil when the log has no more.
  public var eventNumber: UInt64?
  /// For digests of the state: the components that differ.
  public var components: [String] = []

  public var description: String {
    let event = eventNumber.map { " (event \($0))" } ?? ""
    let pc = "0x" + String(programCounter, radix: 16)
    return
      "replay diverged at position \(moment.position.grouped), hart \(hart), pc \(pc): expected \(expected)\(event), "
      + "found \(found)"
  }
}

extension Divergence {
  /// The same of a machine that was changed, where it is no error.
  package var forkDescription: String {
    "at position \(moment.position.grouped) the recording has \(expected), and the changed guest did something else: "
      + found
  }
}

extension LogEvent {
  /// The event in a few words, with its place.
  var summary: String {
    "\(payload.summary) at position \(position.grouped), time \(time.grouped) ns"
  }
}

extension LogPayload {
  var summary: String {
    switch self {
    case .consoleInput(let bytes): "console input of \(bytes.count) bytes"
    case .consoleOutput(let bytes): "console output \(quoted(bytes))"
    case .blockRequest(let request): request.summary
    case .blockCompletion(let completion):
      "completion of request \(completion.id) on drive \(completion.drive)"
    case .frameInput(let frame): "a frame of \(frame.byteCount) bytes for net\(frame.interface)"
    case .frameOutput(let frame): "a frame of \(frame.byteCount) bytes from net\(frame.interface)"
    case .linkChange(let interface, let isUp): "the link of net\(interface) going \(isUp ? "up" : "down")"
    case .clockRead: "a read of the wall clock"
    case .entropyRead(let bytes): "a read of \(bytes.count) bytes of entropy"
    case .reset(let source): source == .host ? "a reset from outside" : "a reset by the guest"
    case .powerOff(let source, _): source == .host ? "power-off from outside" : "power-off by the guest"
    case .digest: "a check of the machine's state"
    case .end(.poweredOff(let status)): "power-off with status \(status)"
    case .end: "the end of the run"
    case .snapshot(let name): "snapshot \(name)"
    case .note: "a note"
    case .unrecognized(let kind, _): "an event of kind \(kind)"
    }
  }
}

extension LogBlockRequest {
  var summary: String {
    let name =
      switch operation {
      case .read: "a read"
      case .write: "a write"
      case .flush: "a flush"
      case .discard: "a discard"
      case .writeZeroes, .writeZeroesUnmap: "a write of zeroes"
      }
    let data = operation == .write ? ", data digest \(String(dataDigest, radix: 16))" : ""
    return "\(name) (request \(id)) of \(sectorCount) sectors from \(sector) on drive \(drive)\(data)"
  }
}

/// Up to 40 bytes as a person can read them.
func quoted(_ bytes: [UInt8]) -> String {
  var text = "\""
  for byte in bytes.prefix(40) {
    switch byte {
    case UInt8(ascii: "\n"): text += "\\n"
    case UInt8(ascii: "\r"): text += "\\r"
    case UInt8(ascii: "\t"): text += "\\t"
    case 0x20..<0x7f: text.unicodeScalars.append(Unicode.Scalar(byte))
    default:
      let digits = String(byte, radix: 16)
      text += "\\x" + (digits.count < 2 ? "0" : "") + digits
    }
  }
  return text + (bytes.count > 40 ? "\"..." : "\"")
}
