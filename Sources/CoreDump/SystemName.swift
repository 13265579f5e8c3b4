// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// What a Linux kernel says of itself (`struct new_utsname`): the header of a kdump file has a copy of it.
///
/// libkdumpfile, and with it drgn, learns the architecture from the copy, and believes it only when no name in it is empty.
public struct SystemName: Equatable, Sendable {
  static let fieldSize = 65
  static let fieldCount = 6
  public static let byteCount = fieldSize * fieldCount

  /// System, node, release, version, machine and domain; none of them empty.
  public let fields: [String]

  /// As it lies in a kernel's memory; nil when that is no such structure of a kernel of this release.
  public init?(_ bytes: [UInt8], release: String) {
    guard bytes.count == Self.byteCount else { return nil }
    var fields: [String] = []
    for start in stride(from: 0, to: bytes.count, by: Self.fieldSize) {
      let text = bytes[start..<start + Self.fieldSize].prefix { $0 != 0 }
      guard !text.isEmpty, text.count < Self.fieldSize, text.allSatisfy({ (0x20..<0x7f).contains($0) }) else {
        return nil
      }
      fields.append(String(decoding: text, as: UTF8.self))
    }
    guard fields[0] == "Linux", fields[2] == release else { return nil }
    self.fields = fields
  }

  /// What is known without the structure. "(none)" is a kernel's own word for a name that was not set.
  init(release: String) {
    fields = ["Linux", "(none)", release, "(unknown)", "riscv64", "(none)"]
  }

  /// Of a guest that says nothing of itself: not Linux, as far as anybody knows.
  static let unknown = SystemName(
    fields: ["(unknown)", "(none)", "(unknown)", "(unknown)", "riscv64", "(none)"])

  private init(fields: [String]) { self.fields = fields }

  func encode(to writer: inout ByteWriter) {
    for field in fields {
      let bytes = Array(field.utf8.prefix(Self.fieldSize - 1))
      writer.raw(bytes + [UInt8](repeating: 0, count: Self.fieldSize - bytes.count))
    }
  }
}
