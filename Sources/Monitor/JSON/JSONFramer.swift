// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Cuts a stream of bytes into texts of one JSON value each, however they are spread over lines and packets.
///
/// Only brackets and quotes are looked at; whether a text is a value is the parser's business. What is too large or too
/// deep is reported once and then passed over up to the end of its line, so that a client that sends garbage is answered
/// and memory stays bounded.
public struct JSONFramer {
  /// Bytes that one value may have.
  public static let sizeLimit = 1 << 20

  public enum Item: Equatable, Sendable {
    case text([UInt8])
    case refused(String)
  }

  private var text: [UInt8] = []
  private var depth = 0
  private var isInString = false
  private var isEscaped = false
  /// Passing over what was refused.
  private var isSkipping = false

  public init() {}

  /// Takes the next bytes; answers the values that are complete.
  public mutating func feed(_ bytes: some Sequence<UInt8>) -> [Item] {
    var items: [Item] = []
    for byte in bytes { take(byte, &items) }
    return items
  }

  private mutating func take(_ byte: UInt8, _ items: inout [Item]) {
    let isLineEnd = byte == UInt8(ascii: "\n")
    if isSkipping {
      if isLineEnd { isSkipping = false }
      return
    }
    // No byte of 0xff is in any UTF-8; clients send it to get out of whatever they are in.
    if byte == 0xff {
      if !text.isEmpty { items.append(.refused("a value was broken off")) }
      return reset()
    }
    if text.isEmpty, byte == 0x20 || byte == 0x0d || byte == 0x09 || isLineEnd { return }
    text.append(byte)
    if isInString {
      if isLineEnd { return refuse("a string does not end", &items) }
      if isEscaped {
        isEscaped = false
      } else if byte == UInt8(ascii: "\\") {
        isEscaped = true
      } else if byte == UInt8(ascii: "\"") {
        isInString = false
      }
    } else {
      switch byte {
      case UInt8(ascii: "\""): isInString = true
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      default: break
      }
      let isBare = depth <= 0 && isLineEnd
      let isClosed = depth <= 0 && (byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]"))
      if isBare || isClosed {
        items.append(.text(text))
        return reset()
      }
    }
    if depth > JSONParser.depthLimit {
      refuse("values are nested deeper than \(JSONParser.depthLimit)", &items)
    } else if text.count >= Self.sizeLimit {
      refuse("a value is larger than \(Self.sizeLimit) bytes", &items)
    }
  }

  private mutating func refuse(_ problem: String, _ items: inout [Item]) {
    items.append(.refused(problem))
    let wasLineEnd = text.last == UInt8(ascii: "\n")
    reset()
    isSkipping = !wasLineEnd
  }

  private mutating func reset() {
    text.removeAll(keepingCapacity: text.capacity <= 1 << 16)
    depth = 0
    isInString = false
    isEscaped = false
  }
}
