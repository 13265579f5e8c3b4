// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Packets as Wireshark and its relatives read them: pcapng, little-endian, with times in nanoseconds.
///
/// It makes pieces of a file, one behind the other, and keeps none of them. Options of blocks: the length of each is a multiple of
/// four, and zeros stand between that and what it has.
public struct PacketCapture {
  public enum Direction: Sendable {
    case input
    case output
  }

  private enum Block {
    static let section: UInt32 = 0x0a0d_0d0a
    static let interface: UInt32 = 1
    static let packet: UInt32 = 6
  }

  private enum Option {
    static let comment: UInt16 = 1
    static let application: UInt16 = 4
    static let interfaceName: UInt16 = 2
    static let interfaceDescription: UInt16 = 3
    static let resolution: UInt16 = 9
    static let flags: UInt16 = 2
  }

  private static let magic: UInt32 = 0x1a2b_3c4d
  private static let ethernet: UInt16 = 1
  /// Times count powers of 10: nanoseconds.
  private static let nanoseconds: UInt8 = 9

  /// The guest's interfaces, in the order in which the file tells of them, which is what packets call them by.
  private var interfaces: [Int] = []
  private let write: ([UInt8]) throws -> Void

  /// Begins a file.
  ///
  /// - Parameter application: who makes it: "rrtool 0.1".
  public init(application: String, to write: @escaping ([UInt8]) throws -> Void) throws {
    self.write = write
    try block(Block.section) { content in
      content.uint32(Self.magic)
      content.uint16(1)
      content.uint16(0)
      // The section's length, which is not known before its end.
      content.uint64(.max)
      Self.option(Option.application, Array(application.utf8), in: &content)
      Self.option(
        Option.comment, Array("Times are the guest's: nanoseconds since the machine started.".utf8),
        in: &content)
      Self.endOfOptions(in: &content)
    }
  }

  /// Adds a frame.
  ///
  /// - Parameters:
  ///   - bytes: of the frame; none of them where they are not known.
  ///   - byteCount: how many it had.
  public mutating func add(
    _ bytes: [UInt8], of byteCount: Int, at time: UInt64, interface: Int, direction: Direction,
    comments: [String]
  ) throws {
    let number = try self.number(of: interface)
    try block(Block.packet) { content in
      content.uint32(UInt32(number))
      content.uint32(UInt32(truncatingIfNeeded: time >> 32))
      content.uint32(UInt32(truncatingIfNeeded: time))
      content.uint32(UInt32(bytes.count))
      content.uint32(UInt32(byteCount))
      content.raw(bytes)
      Self.pad(&content)
      for comment in comments { Self.option(Option.comment, Array(comment.utf8), in: &content) }
      let flags = ByteWriter.of { $0.uint32(direction == .input ? 1 : 2) }
      Self.option(Option.flags, flags, in: &content)
      Self.endOfOptions(in: &content)
    }
  }

  /// What packets of an interface call it by. The first one brings its block.
  private mutating func number(of interface: Int) throws -> Int {
    if let known = interfaces.firstIndex(of: interface) { return known }
    try block(Block.interface) { content in
      content.uint16(Self.ethernet)
      content.uint16(0)
      // Nothing is cut.
      content.uint32(0)
      Self.option(Option.interfaceName, Array("net\(interface)".utf8), in: &content)
      Self.option(
        Option.interfaceDescription, Array("network card \(interface) of the guest".utf8), in: &content)
      Self.option(Option.resolution, [Self.nanoseconds], in: &content)
      Self.endOfOptions(in: &content)
    }
    interfaces.append(interface)
    return interfaces.count - 1
  }

  /// A block has its length at both ends.
  private func block(_ type: UInt32, _ body: (inout ByteWriter) -> Void) throws {
    let content = ByteWriter.of(body)
    let byteCount = UInt32(content.count + 12)
    try write(
      ByteWriter.of { block in
        block.uint32(type)
        block.uint32(byteCount)
        block.raw(content)
        block.uint32(byteCount)
      })
  }

  private static func option(_ code: UInt16, _ value: [UInt8], in content: inout ByteWriter) {
    content.uint16(code)
    content.uint16(UInt16(value.count))
    content.raw(value)
    pad(&content)
  }

  private static func endOfOptions(in content: inout ByteWriter) { content.uint32(0) }

  private static func pad(_ content: inout ByteWriter) {
    while content.count % 4 != 0 { content.uint8(0) }
  }
}

extension ByteWriter {
  fileprivate static func of(_ body: (inout ByteWriter) -> Void) -> [UInt8] {
    var writer = ByteWriter()
    body(&writer)
    return writer.bytes
  }
}
