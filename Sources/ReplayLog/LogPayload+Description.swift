// SPDX-License-Identifier: Apache-2.0

/// Events in a few words, for messages and lists. Data are shown so that no byte of theirs reaches a terminal.
extension LogPayload: CustomStringConvertible {
  public var description: String {
    switch self {
    case .consoleInput(let data): "input \(Self.quoted(data))"
    case .consoleOutput(let data): "output \(Self.quoted(data))"
    case .blockRequest(let request): request.description
    case .blockCompletion(let completion): completion.description
    case .frameInput(let frame): "frame to the guest: \(frame)"
    case .frameOutput(let frame): "frame from the guest: \(frame)"
    case .linkChange(let interface, let isUp): "net\(interface) link \(isUp ? "up" : "down")"
    case .clockRead(let nanoseconds):
      "wall clock read: \(nanoseconds / 1_000_000_000).\(String(String(nanoseconds % 1_000_000_000 + 1_000_000_000).dropFirst())) s"
    case .entropyRead(let data): "entropy read: \(data.count) bytes \(Self.hexadecimal(data))"
    case .reset(.host): "reset from outside"
    case .reset(.guest): "reset by the guest"
    case .powerOff(.host, _): "power-off from outside"
    case .powerOff(.guest, let status): "power-off by the guest, exit status \(status)"
    case .digest(let values): "digests of the state: \(values.count) components"
    case .end(let end): end.description
    case .snapshot(let name): "snapshot \(Self.quoted(Array(name.utf8)))"
    case .note(let text): "note \(Self.quoted(Array(text.utf8)))"
    case .unrecognized(let kind, let data): "kind \(kind), unknown to this rrtool: \(data.count) bytes"
    }
  }

  private static let shownLimit = 60

  private static func quoted(_ data: [UInt8]) -> String {
    var text = [UInt8(ascii: "\"")]
    for byte in data.prefix(shownLimit) {
      switch byte {
      case UInt8(ascii: "\n"): text += Array("\\n".utf8)
      case UInt8(ascii: "\r"): text += Array("\\r".utf8)
      case UInt8(ascii: "\t"): text += Array("\\t".utf8)
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += [UInt8(ascii: "\\"), byte]
      case 0x20..<0x7f: text.append(byte)
      default: text += Array("\\x\(hexadecimal(byte))".utf8)
      }
    }
    text.append(UInt8(ascii: "\""))
    return String(decoding: text, as: UTF8.self)
      + (data.count > shownLimit ? "... (\(data.count) bytes)" : "")
  }

  private static func hexadecimal(_ data: [UInt8]) -> String {
    data.prefix(16).map(hexadecimal).joined() + (data.count > 16 ? "..." : "")
  }

  private static func hexadecimal(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }
}

extension LogBlockRequest: CustomStringConvertible {
  public var description: String {
    let sectors = operation == .flush ? "" : ", \(sectorCount) sectors from \(sector)"
    return "drive \(drive) request \(id): \(operation.name)\(sectors)"
  }
}

extension LogBlockRequest.Operation {
  /// The name that people and files use: "write-zeroes".
  public var name: String {
    switch self {
    case .read: "read"
    case .write: "write"
    case .flush: "flush"
    case .discard: "discard"
    case .writeZeroes: "write-zeroes"
    case .writeZeroesUnmap: "write-zeroes-unmap"
    }
  }
}

extension LogBlockCompletion: CustomStringConvertible {
  public var description: String { "drive \(drive) request \(id): \(succeeded ? "done" : "failed")" }
}

extension LogFrame: CustomStringConvertible {
  public var description: String { "net\(interface) \(byteCount) bytes" }
}

extension LogEnd: CustomStringConvertible {
  /// A sentence's part: "powered off, exit status 0".
  public var description: String {
    switch self {
    case .poweredOff(let status): "powered off, exit status \(status)"
    case .interrupted: "interrupted by the user"
    case .limit: "the instruction limit was reached"
    case .stalled: "stalled: nothing could happen any more"
    case .failed: "rrtool failed"
    }
  }

  /// The name that files use: "powered-off".
  public var name: String {
    switch self {
    case .poweredOff: "powered-off"
    case .interrupted: "interrupted"
    case .limit: "limit"
    case .stalled: "stalled"
    case .failed: "failed"
    }
  }
}
