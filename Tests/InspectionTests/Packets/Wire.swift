// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Makes frames, layer by layer. Checksums are right where something looks at them, and 0 elsewhere.
enum Wire {
  static let guestCard: [UInt8] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56]
  static let hostCard: [UInt8] = [0x52, 0x55, 0x0a, 0x00, 0x02, 0x02]
  static let everyone = [UInt8](repeating: 0xff, count: 6)
  static let guest: [UInt8] = [10, 0, 2, 15]
  static let host: [UInt8] = [10, 0, 2, 2]
  /// fe80::15 and fe80::2.
  static let guest6: [UInt8] = [0xfe, 0x80] + [UInt8](repeating: 0, count: 13) + [0x15]
  static let host6: [UInt8] = [0xfe, 0x80] + [UInt8](repeating: 0, count: 13) + [2]

  /// Big-endian numbers of 16 bits.
  static func words(_ words: UInt16...) -> [UInt8] { words.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] } }

  static func ethernet(
    _ type: UInt16, _ content: [UInt8], to destination: [UInt8] = hostCard, tags: [UInt16] = []
  ) -> [UInt8] {
    destination + guestCard + tags.flatMap { words(0x8100, $0) } + words(type) + content
  }

  static func arp(
    _ operation: UInt16, _ sender: [UInt8], _ target: [UInt8], card: [UInt8] = [0, 0, 0, 0, 0, 0]
  ) -> [UInt8] {
    words(1, 0x0800, 0x0604, operation) + guestCard + sender + card + target
  }

  static func ipv4(
    _ number: UInt8, _ content: [UInt8], from source: [UInt8] = guest, to destination: [UInt8] = host,
    identifier: UInt16 = 0x1234, fragment: UInt16 = 0x4000, options: [UInt8] = [], length: Int? = nil
  ) -> [UInt8] {
    let headerCount = 20 + options.count
    var header = [0x40 | UInt8(headerCount / 4), 0] + words(UInt16(length ?? headerCount + content.count))
    header += words(identifier, fragment) + [64, number, 0, 0] + source + destination + options
    let sum = stride(from: 0, to: headerCount, by: 2)
      .reduce(UInt32(0)) { $0 + UInt32(header[$1]) << 8 + UInt32(header[$1 + 1]) }
    header.replaceSubrange(10..<12, with: words(~UInt16(truncatingIfNeeded: sum & 0xffff + sum >> 16)))
    return ethernet(0x0800, header + content)
  }

  static func ipv6(
    _ number: UInt8, _ content: [UInt8], from source: [UInt8] = guest6, to destination: [UInt8] = host6
  ) -> [UInt8] {
    ethernet(
      0x86dd,
      [0x60, 0, 0, 0] + words(UInt16(content.count)) + [number, 255] + source + destination + content)
  }

  static func udp(
    _ source: UInt16, _ destination: UInt16, _ content: [UInt8], length: UInt16? = nil
  ) -> [UInt8] {
    words(source, destination, length ?? UInt16(8 + content.count), 0) + content
  }

  static func tcp(
    _ source: UInt16, _ destination: UInt16, flags: UInt16, _ content: [UInt8] = [], options: [UInt8] = []
  ) -> [UInt8] {
    let word = UInt16((20 + options.count) / 4) << 12 | flags
    return words(source, destination, 0, 1000, 0, 2000, word, 64240, 0, 0) + options + content
  }

  static func dhcp(
    _ operation: UInt8, yours: [UInt8] = [0, 0, 0, 0], options: [UInt8]
  ) -> [UInt8] {
    [operation, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0, 0, 0, 0, 0] + yours
      + [UInt8](repeating: 0, count: 8) + guestCard + [UInt8](repeating: 0, count: 10 + 64 + 128)
      + [0x63, 0x82, 0x53, 0x63] + options + [255]
  }

  /// The labels of a name, with the root's at the end.
  static func name(_ text: String) -> [UInt8] {
    text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
  }

  static func dns(
    flags: UInt16 = 0x0100, questions: UInt16 = 1, answers: UInt16 = 0, _ content: [UInt8]
  ) -> [UInt8] {
    words(0xbeef, flags, questions, answers, 0, 0) + content
  }

  /// A record whose name is that of the question.
  static func record(_ type: UInt16, _ data: [UInt8]) -> [UInt8] {
    words(0xc00c, type, 1, 0, 300, UInt16(data.count)) + data
  }
}
