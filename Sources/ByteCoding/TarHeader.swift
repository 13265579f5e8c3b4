// SPDX-License-Identifier: Apache-2.0

/// The header of an entry in a tar archive, in POSIX's format (ustar) with GNU's way to say sizes of 8 GiB and more.
///
/// Of the many kinds of entries that there are only files and folders are read, which is all that `encoded` writes.
public struct TarHeader: Equatable, Sendable {
  public enum Kind: UInt8, Sendable {
    case file = 0x30
    case folder = 0x35
  }

  public static let blockSize = 512
  /// An archive ends with two blocks of zeros, and is padded to a multiple of this.
  public static let recordSize = 20 * blockSize

  public var name: String
  public var kind: Kind
  public var size: UInt64
  /// Seconds since 1970, UTC.
  public var modified: UInt64

  public init(name: String, kind: Kind = .file, size: UInt64, modified: UInt64) {
    self.name = name
    self.kind = kind
    self.size = size
    self.modified = modified
  }

  /// Nil when the name does not fit.
  public func encoded() -> [UInt8]? {
    guard let (prefix, last) = splitName(), modified < 1 << 33 else { return nil }
    var block = [UInt8](repeating: 0, count: Self.blockSize)
    func put(_ bytes: some Collection<UInt8>, at offset: Int) {
      block.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }
    func octal(_ value: UInt64, digits: Int) -> [UInt8] {
      let text = String(value, radix: 8)
      return Array((String(repeating: "0", count: max(0, digits - text.count)) + text).utf8)
    }
    put(last, at: 0)
    put(octal(kind == .folder ? 0o755 : 0o644, digits: 7), at: 100)
    put(octal(0, digits: 7), at: 108)
    put(octal(0, digits: 7), at: 116)
    if size < 1 << 33 {
      put(octal(size, digits: 11), at: 124)
    } else {
      block[124] = 0x80
      for byte in 0..<8 { block[128 + byte] = UInt8(truncatingIfNeeded: size >> UInt64(56 - 8 * byte)) }
    }
    put(octal(modified, digits: 11), at: 136)
    block[156] = kind.rawValue
    put("ustar\0".utf8, at: 257)
    put("00".utf8, at: 263)
    put(octal(0, digits: 7), at: 329)
    put(octal(0, digits: 7), at: 337)
    put(prefix, at: 345)
    put(octal(Self.sum(block[...]), digits: 6) + [0, 0x20], at: 148)
    return block
  }

  private func splitName() -> (prefix: [UInt8], last: [UInt8])? {
    let bytes = Array(name.utf8)
    guard !bytes.isEmpty, !bytes.contains(0) else { return nil }
    if bytes.count <= 100 { return ([], bytes) }
    guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")), slash <= 155, bytes.count - slash - 1 <= 100,
      slash > 0, slash < bytes.count - 1
    else { return nil }
    return (Array(bytes[..<slash]), Array(bytes[(slash + 1)...]))
  }

  /// Of all bytes, those of the sum itself taken for spaces.
  private static func sum(_ block: ArraySlice<UInt8>) -> UInt64 {
    let start = block.startIndex
    return block.indices.reduce(0) { $0 + ((148..<156).contains($1 - start) ? 0x20 : UInt64(block[$1])) }
  }

  /// Why a block is no header that can be used.
  public struct Problem: Error, Equatable, Sendable {
    public var what: String
  }

  /// The header in a block; nil for a block of zeros, which is the end.
  public init?(decoding block: ArraySlice<UInt8>) throws(Problem) {
    precondition(block.count == Self.blockSize)
    if block.allSatisfy({ $0 == 0 }) { return nil }
    func field(_ offset: Int, _ count: Int) -> ArraySlice<UInt8> {
      block[block.startIndex + offset..<block.startIndex + offset + count]
    }
    func text(_ offset: Int, _ count: Int) -> ArraySlice<UInt8> { field(offset, count).prefix { $0 != 0 } }
    func number(_ offset: Int, _ count: Int) throws(Problem) -> UInt64 {
      let bytes = field(offset, count)
      if bytes.first == 0x80 {
        guard bytes.dropFirst().dropLast(8).allSatisfy({ $0 == 0 }) else {
          throw Problem(what: "a number too large")
        }
        return bytes.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }
      }
      let digits = bytes.drop { $0 == 0x20 }.prefix { $0 != 0 && $0 != 0x20 }
      guard !digits.isEmpty, digits.count <= 21, digits.allSatisfy({ (0x30...0x37).contains($0) }) else {
        throw Problem(what: "a number that is none")
      }
      return digits.reduce(0) { $0 << 3 | UInt64($1 - 0x30) }
    }
    guard field(257, 5).elementsEqual("ustar".utf8), try number(148, 8) == Self.sum(block) else {
      throw Problem(what: "a damaged header")
    }
    var bytes = Array(text(0, 100))
    // GNU's variant has other fields there.
    if block[block.startIndex + 262] == 0, case let prefix = text(345, 155), !prefix.isEmpty {
      bytes = prefix + [UInt8(ascii: "/")] + bytes
    }
    guard let name = String(validating: bytes, as: UTF8.self), !name.isEmpty else {
      throw Problem(what: "a name that is no text")
    }
    let type = block[block.startIndex + 156]
    guard let kind = type == 0 ? .file : Kind(rawValue: type) else {
      throw Problem(what: "'\(name.printable)', which is neither a file nor a folder")
    }
    self.init(name: name, kind: kind, size: try number(124, 12), modified: try number(136, 12))
  }
}
