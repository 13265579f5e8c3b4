// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// What a segment of TCP begins with, where that shows what it is. Most segments are from the middle of something, and stay TCP.
extension PacketDissection {
  private static let lineLimit = 4096
  /// A record has so many bytes at most, packed ones some more (RFC 8446).
  private static let recordLimit = 1 << 14 + 2048

  mutating func stream(_ payload: ArraySlice<UInt8>) throws(ByteCodingError) {
    if let line = Self.line(payload), Self.isHTTP(line) {
      enter(.http, payload)
      packet.summary = Self.text(line)
    } else if let line = Self.line(payload), line.starts(with: Array("SSH-".utf8)) {
      enter(.ssh, payload)
      packet.summary = Self.text(line)
    } else if let record = Self.record(payload) {
      enter(.tls, payload)
      packet.summary = record
    } else if packet.sourcePort == 53 || packet.destinationPort == 53 {
      // A message behind its length (RFC 1035 §4.2.2), where the segment has just that.
      var reader = ByteReader(payload)
      guard let count = try? reader.bigEndianUInt16(), Int(count) == reader.remaining else { return }
      try dns(reader.rest(), as: .dns)
    }
  }

  /// The first line without its end; nil when none ends here.
  private static func line(_ payload: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    guard let end = payload.prefix(lineLimit).firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    let line = payload[..<end]
    return line.last == UInt8(ascii: "\r") ? line.dropLast() : line
  }

  /// "GET / HTTP/1.1" or "HTTP/1.1 200 OK" (RFC 9112).
  private static func isHTTP(_ line: ArraySlice<UInt8>) -> Bool {
    let version = Array("HTTP/1.".utf8)
    if line.starts(with: version) { return true }
    let method = line.prefix { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
    return !method.isEmpty && line.dropFirst(method.count).first == UInt8(ascii: " ")
      && line.dropLast().suffix(version.count).elementsEqual(version)
  }

  /// What the first record of TLS says (RFC 8446, 5246); nil where none begins.
  private static func record(_ payload: ArraySlice<UInt8>) -> String? {
    var reader = ByteReader(payload)
    guard let type = try? reader.uint8(), let version = try? reader.bigEndianUInt16(),
      let count = try? reader.bigEndianUInt16(), 0x300...0x304 ~= version, 1...recordLimit ~= Int(count)
    else { return nil }
    switch type {
    case 20: return "change of ciphers"
    case 21: return "alert"
    case 22:
      // Only the first ones of a connection can be read.
      switch (try? reader.uint8(), try? reader.raw(3)) {
      case (1, _?): return "handshake: client hello"
      case (2, _?): return "handshake: server hello"
      default: return "handshake"
      }
    case 23: return "application data, \(count) bytes"
    default: return nil
    }
  }
}
