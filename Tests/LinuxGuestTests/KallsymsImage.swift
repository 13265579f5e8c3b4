// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import LinuxGuest

/// The tables of names that kernels of different versions have, made from names.
struct KallsymsImage {
  enum Version: CaseIterable, Sendable {
    /// Addresses in place of offsets, markers of 8 bytes.
    case absolute
    /// Offsets before the names.
    case before62
    /// The order by name between markers and texts.
    case from62
    /// Offsets behind the texts.
    case from64
    /// Addresses behind the texts.
    case from64Absolute
    /// Distances behind the texts, and places at multiples of 4.
    case from70
  }

  let bytes: [UInt8]

  private static let texts: [[UInt8]] = {
    // What occurs stands for itself; some others for more.
    var texts = (0..<256).map { (0x21..<0x7f).contains($0) ? [UInt8($0)] : [] }
    for (code, text) in [1: "init_", 2: "linux_", 3: "Tsys_", 200: "name", 255: "x_y_z"] {
      texts[code] = Array(text.utf8)
    }
    return texts
  }()

  private static func packed(_ text: [UInt8]) -> [UInt8] {
    var packed: [UInt8] = []
    var rest = text[...]
    while let first = rest.first {
      let code = texts.indices.last { texts[$0].count > 1 && rest.starts(with: texts[$0]) } ?? Int(first)
      packed.append(UInt8(code))
      rest = rest.dropFirst(texts[code].count)
    }
    return packed
  }

  /// - Parameter address: where they are to lie.
  init(_ symbols: [KernelSymbol], _ version: Version, at address: UInt64 = TestMemory.address(0x40000)) {
    var writer = ByteWriter()
    let alignment = version == .from70 ? 4 : 8
    func align() {
      writer.raw([UInt8](repeating: 0, count: (alignment - writer.count % alignment) % alignment))
    }
    let isBehind = [.from64, .from64Absolute, .from70].contains(version)
    func addresses() {
      if version == .absolute || version == .from64Absolute {
        for symbol in symbols { writer.uint64(symbol.address) }
        return
      }
      if version == .from70 {
        for symbol in symbols {
          let distance = symbol.address &- (address + UInt64(writer.count))
          writer.uint32(UInt32(truncatingIfNeeded: distance))
        }
        return
      }
      let base = symbols.first?.address ?? 0
      for symbol in symbols { writer.uint32(UInt32(symbol.address - base)) }
      align()
      writer.uint64(base)
    }
    if !isBehind { addresses() }
    writer.uint32(UInt32(symbols.count))
    align()
    let start = writer.count
    var markers: [Int] = []
    for (index, symbol) in symbols.enumerated() {
      if index % 256 == 0 { markers.append(writer.count - start) }
      let name = Self.packed([symbol.kind] + Array(symbol.name.utf8))
      if name.count < 0x80 {
        writer.uint8(UInt8(name.count))
      } else {
        writer.raw([UInt8(name.count & 0x7f | 0x80), UInt8(name.count >> 7)])
      }
      writer.raw(name)
    }
    align()
    for marker in markers {
      if version == .absolute { writer.uint64(UInt64(marker)) } else { writer.uint32(UInt32(marker)) }
    }
    align()
    if version == .from62 {
      for index in symbols.indices { writer.raw([0, UInt8(index >> 8), UInt8(index & 0xff)]) }
      align()
    }
    var index: [UInt16] = []
    let texts = writer.count
    for text in Self.texts {
      index.append(UInt16(writer.count - texts))
      writer.raw(text + [0])
    }
    align()
    for place in index { writer.uint16(place) }
    align()
    if isBehind { addresses() }
    bytes = writer.bytes
  }
}
