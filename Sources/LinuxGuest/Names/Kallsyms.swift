// SPDX-License-Identifier: Apache-2.0

/// The tables in which a Linux kernel has its own names (kallsyms), as they lie in memory.
///
/// | before 6.4 | since 6.4 | since 7.0 |
/// | --- | --- | --- |
/// | offsets and their base, or addresses | | |
/// | number of names | number of names | number of names |
/// | names: a length, then bytes that stand for texts | names | names |
/// | markers: where each 256th name begins; in 6.2 and 6.3 the order by name behind them | markers | markers |
/// | texts and their index | texts and their index | texts and their index |
/// | | offsets and their base, or addresses | distances from where they stand |
///
/// Each begins at a multiple of 8, of 4 since 7.0. Nothing says where the first is, so they are followed from the texts outwards, and each has to agree with the
/// others: markers with the lengths of all names, the number of names with both, addresses with being in order.
package struct Kallsyms {
  /// More than any kernel has.
  private static let nameLimit = 1 << 22
  /// Names have fewer bytes than this, packed.
  private static let lengthLimit = 512

  private let bytes: TableBytes
  /// Where these bytes lie.
  private let origin: UInt64
  private let alignment: Int
  private let tokens: TokenTable
  /// What may be looked at before a hostile memory has had enough attention.
  private var stepsLeft = 1 << 24

  /// In the order of their addresses.
  private(set) var symbols: [KernelSymbol] = []
  /// These are physical ones: the tables tell no others.
  private(set) var arePhysical = false

  init?(_ bytes: TableBytes, at origin: UInt64, tokens: TokenTable, alignment: Int) {
    self.bytes = bytes
    self.origin = origin
    self.tokens = tokens
    self.alignment = alignment
    // Markers end where the texts begin, or before the order by name, which has three bytes a name.
    var end = tokens.start
    let lowest = max(0, tokens.start - 3 * Self.nameLimit - 8)
    while end > lowest, stepsLeft > 0 {
      for size in [4, 8] where read(markersUpTo: end, size: size) { return }
      end -= 4
    }
    return nil
  }

  /// Goes on from markers that may end here; false when they do not.
  private mutating func read(markersUpTo end: Int, size: Int) -> Bool {
    var markers: [Int] = []
    var place = end - size
    // From the last one down to the first, which is 0: between two are 256 names of 2 bytes at least.
    while stepsLeft > 0, let marker = bytes.number(place, size) {
      stepsLeft -= 1
      if let above = markers.last {
        guard marker < above, (512...256 * Self.lengthLimit).contains(above - Int(marker)) else {
          return false
        }
      } else {
        // Room behind the last one is zeroes.
        guard marker > 0, marker < 1 << 30 else { return false }
      }
      markers.append(Int(marker))
      if marker == 0 { break }
      place -= size
    }
    guard markers.last == 0, markers.count > 1, place % alignment == 0 else { return false }
    return read(namesUpTo: place, markers: markers.reversed())
  }

  private mutating func read(namesUpTo end: Int, markers: [Int]) -> Bool {
    let last = markers[markers.count - 1]
    let counts = (markers.count - 1) * 256 + 1...markers.count * 256
    // The last marker has up to 256 names behind it.
    var start = (end - last - 2) / alignment * alignment
    while start >= max(alignment, end - last - 256 * Self.lengthLimit), stepsLeft > 0 {
      stepsLeft -= 1
      if let count = bytes.number(start - alignment, alignment), counts.contains(Int(clamping: count)),
        count <= Self.nameLimit, let names = names(from: start, to: end, count: Int(count), markers),
        let addresses = addresses(count: Int(count), before: start - alignment)
      {
        symbols = zip(addresses, names).map { KernelSymbol(address: $0, kind: $1.kind, name: $1.name) }
        return true
      }
      start -= alignment
    }
    return false
  }

  /// All names, if they fill the room between these places and agree with the markers.
  private mutating func names(
    from start: Int, to end: Int, count: Int, _ markers: [Int]
  ) -> [(kind: UInt8, name: String)]? {
    var names: [(kind: UInt8, name: String)] = []
    var place = start
    var text: [UInt8] = []
    for number in 0..<count {
      guard number % 256 != 0 || place - start == markers[number / 256], stepsLeft > 0,
        var length = bytes.number(place, 1).map({ Int($0) })
      else { return nil }
      stepsLeft -= 1
      place += 1
      // Since 6.1 the upper bit says that a second byte has more of the length.
      if length >= 0x80 {
        guard let more = bytes.number(place, 1) else { return nil }
        length = length & 0x7f | Int(more) << 7
        place += 1
      }
      guard length > 0, length <= Self.lengthLimit, place + length <= end else { return nil }
      text.removeAll(keepingCapacity: true)
      for byte in bytes.bytes[place..<place + length] { text += tokens.texts[Int(byte)] }
      place += length
      // The first letter is what kind of symbol it is.
      guard text.count > 1, text.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else { return nil }
      names.append((text[0], String(decoding: text.dropFirst(), as: UTF8.self)))
    }
    return end - place < alignment ? names : nil
  }

  /// The addresses of all names, which stand behind the texts or before the number of names.
  private mutating func addresses(count: Int, before end: Int) -> [UInt64]? {
    func rounded(_ place: Int) -> Int { (place + alignment - 1) / alignment * alignment }
    let behind = rounded(tokens.end)
    if let virtual = offsets(at: behind, count: count, base: rounded(behind + 4 * count))
      ?? offsets(at: end - 8 - rounded(4 * count), count: count, base: end - 8)
      ?? ascending(count, from: Self.lowest, { bytes.number(behind + 8 * $0, 8) })
      ?? ascending(count, from: Self.lowest, { bytes.number(end - 8 * count + 8 * $0, 8) })
    {
      arePhysical = false
      return virtual
    }
    arePhysical = true
    return ascending(count, from: 1) { index in
      let place = behind + 4 * index
      return bytes.number(place, 4).map { distance in
        origin &+ UInt64(place) &+ UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: distance)))
      }
    }
  }

  private func offsets(at place: Int, count: Int, base: Int) -> [UInt64]? {
    guard let base = bytes.number(base, 8) else { return nil }
    return ascending(count, from: Self.lowest) { bytes.number(place + 4 * $0, 4).map { base &+ $0 } }
  }

  /// Kernels have the upper half of addresses.
  private static let lowest: UInt64 = 1 << 63

  /// Names are in the order of their addresses.
  private func ascending(_ count: Int, from lowest: UInt64, _ address: (Int) -> UInt64?) -> [UInt64]? {
    var addresses: [UInt64] = []
    for number in 0..<count {
      guard let address = address(number), address >= addresses.last ?? lowest else { return nil }
      addresses.append(address)
    }
    return addresses
  }
}
