// SPDX-License-Identifier: Apache-2.0

/// The types that a Linux kernel carries in its own memory for those who load programs into it (BTF).
///
/// A header says where types and names are. Types are numbered from 1, in the order in which they lie; what follows a type's three words depends on
/// its kind. The bytes are a guest's: types may be anything, and refer to themselves.
package struct BTFLayouts: KernelLayouts {
  private enum Kind {
    static let pointer = 2, array = 3, structure = 4, union = 5
    /// What is said of a type besides: a name, `const`, `volatile`, `restrict`, a tag.
    static let wrappers = [8, 9, 10, 11, 18]

    /// Bytes behind the three words of a type; nil for kinds that are not known, whose length nobody knows either.
    static func extra(_ kind: Int, count: Int) -> Int? {
      switch kind {
      case 1, 14, 17: 4
      case 2, 7, 8, 9, 10, 11, 12, 16, 18: 0
      case 3: 12
      case 4, 5, 15, 19: 12 * count
      case 6, 13: 8 * count
      default: nil
      }
    }
  }

  /// Structures within structures that are followed.
  private static let depthLimit = 32
  private static let nameLimit = 512

  private let bytes: TableBytes
  private let names: Int
  /// Where each type lies; the first is no type.
  private var places: [Int] = [0]
  private var structures: [String: Int] = [:]

  /// Nil for what is no such data for a little-endian machine.
  package init?(_ data: [UInt8]) {
    bytes = TableBytes(data)
    guard bytes.number(0, 2) == 0xeb9f, bytes.number(2, 1) == 1,
      let header = bytes.number(4, 4), let typeOffset = bytes.number(8, 4),
      let typeLength = bytes.number(12, 4), let nameOffset = bytes.number(16, 4),
      header + typeOffset + typeLength <= data.count
    else { return nil }
    names = Int(header + nameOffset)
    var place = Int(header + typeOffset)
    let end = place + Int(typeLength)
    while place + 12 <= end, let word = bytes.number(place + 4, 4),
      let extra = Kind.extra(Int(word >> 24 & 0x1f), count: Int(word & 0xffff))
    {
      let kind = Int(word >> 24 & 0x1f)
      if kind == Kind.structure || kind == Kind.union, let name = name(at: place),
        structures[name] == nil
      {
        structures[name] = places.count
      }
      places.append(place)
      place += 12 + extra
    }
    guard !structures.isEmpty else { return nil }
  }

  package func offset(of member: String, in structure: String) -> UInt64? {
    structures[structure].flatMap { offset(of: Array(member.utf8), in: $0, depth: 0) }
  }

  package func size(of structure: String) -> UInt64? {
    structures[structure].flatMap { bytes.number(places[$0] + 8, 4) }
  }

  /// Members of members without a name count as the structure's own.
  private func offset(of member: [UInt8], in type: Int, depth: Int) -> UInt64? {
    guard depth < Self.depthLimit, let type = plain(type), let word = bytes.number(places[type] + 4, 4),
      [Kind.structure, Kind.union].contains(Int(word >> 24 & 0x1f))
    else { return nil }
    for number in 0..<Int(word & 0xffff) {
      let place = places[type] + 12 + 12 * number
      guard let name = bytes.number(place, 4), let inner = bytes.number(place + 4, 4),
        let position = bytes.number(place + 8, 4)
      else { return nil }
      // In bits; with the upper bit of the word set the upper eight are the size of a bit field.
      let bits = word >> 31 == 0 ? position : position & 0xff_ffff
      if name == 0 {
        if let more = offset(of: member, in: Int(inner), depth: depth + 1) { return bits / 8 + more }
      } else if bytes.string(names + Int(name), limit: Self.nameLimit)?.elementsEqual(member) == true {
        return bits % 8 == 0 ? bits / 8 : nil
      }
    }
    return nil
  }

  /// A type without what is said of it besides.
  private func plain(_ type: Int) -> Int? {
    var type = type
    for _ in 0..<Self.depthLimit {
      guard places.indices.contains(type), type > 0, let word = bytes.number(places[type] + 4, 4) else {
        return nil
      }
      guard Kind.wrappers.contains(Int(word >> 24 & 0x1f)), let next = bytes.number(places[type] + 8, 4)
      else {
        return type
      }
      type = Int(next)
    }
    return nil
  }

  private func name(at place: Int) -> String? {
    guard let name = bytes.number(place, 4), name > 0,
      let text = bytes.string(names + Int(name), limit: Self.nameLimit)
    else { return nil }
    return String(decoding: text, as: UTF8.self)
  }
}
