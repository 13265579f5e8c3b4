// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// The text in which a Linux kernel tells debuggers of dumps where things are in it (`KEY=VALUE` lines), as it lies in
/// the kernel's memory.
public struct VMCoreInfo: Equatable, Sendable {
  /// The text, as the kernel wrote it.
  public let text: [UInt8]

  static let name = Array("VMCOREINFO".utf8) + [0]
  /// Name size, text size, type; then the name, padded to four bytes.
  public static let headerSize = 12 + (name.count + 3) / 4 * 4
  /// The kernel keeps it on one page (VMCOREINFO_BYTES).
  public static let sizeLimit = 4096

  /// The value of a line.
  public func value(of key: String) -> String? {
    for line in text.split(separator: UInt8(ascii: "\n")) {
      let parts = line.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2, parts[0].elementsEqual(key.utf8) {
        return String(decoding: parts[1], as: UTF8.self)
      }
    }
    return nil
  }

  /// The number of a line that holds one in hexadecimal digits (`SYMBOL(...)`) or in decimal ones (`OFFSET(...)`).
  func number(of key: String, radix: Int) -> UInt64? { value(of: key).flatMap { UInt64($0, radix: radix) } }

  /// Where the kernel has its name (`SystemName`): a virtual address.
  public var systemNameAddress: UInt64? {
    guard let start = number(of: "SYMBOL(init_uts_ns)", radix: 16) else { return nil }
    return start &+ (number(of: "OFFSET(uts_namespace.name)", radix: 10) ?? 0)
  }

  /// Looks for it at the start of a page.
  ///
  /// Linux has it ready as an ELF note on pages of its own, with the header at the start of the first one
  /// (`vmcoreinfo_note`). That is a place to look, not a proof: what is found counts only if it reads as such a text with
  /// the kernel's release and page size in it.
  ///
  /// - Parameters:
  ///   - page: the first `headerSize` bytes of a page at least.
  ///   - read: so many bytes from the start of that page, or nil when memory ends before.
  public init?(pageStart page: UnsafeRawBufferPointer, read: (_ count: Int) -> [UInt8]?) {
    guard page.count >= Self.headerSize,
      page.loadUnaligned(as: UInt32.self).littleEndian == UInt32(Self.name.count),
      page.loadUnaligned(fromByteOffset: 8, as: UInt32.self) == 0,
      page[12..<12 + Self.name.count].elementsEqual(Self.name)
    else { return nil }
    let size = Int(page.loadUnaligned(fromByteOffset: 4, as: UInt32.self).littleEndian)
    guard size > 0, size <= Self.sizeLimit, let note = read(Self.headerSize + size) else { return nil }
    self.init(text: Array(note[Self.headerSize...]))
  }

  /// Nil when that is no such text.
  public init?(text: [UInt8]) {
    guard !text.isEmpty, text.count <= Self.sizeLimit,
      text.allSatisfy({ $0 == UInt8(ascii: "\n") || (0x20..<0x7f).contains($0) })
    else { return nil }
    self.text = text
    guard let release = value(of: "OSRELEASE"), !release.isEmpty, value(of: "PAGESIZE") == "4096" else {
      return nil
    }
  }

  /// As an ELF note.
  var note: [UInt8] { CoreNotes.note(type: 0, owner: "VMCOREINFO", text) }

  /// Where the text is in `note`.
  static var textOffset: Int { headerSize }
}
