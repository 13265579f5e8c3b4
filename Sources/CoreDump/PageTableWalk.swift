// SPDX-License-Identifier: Apache-2.0

/// Finds what virtual addresses stand for, in the guest's own page tables (volume II of the RISC-V manual, section 4.3 on).
///
/// The tables are a stranger's: they may be anything, also point to themselves. So the walk is bounded, in tables and in
/// mappings, and what it found within the bounds counts.
public struct PageTableWalk {
  /// Mappings that are kept; a Linux system with many processes has a few thousand.
  public static let mappingLimit = 100_000

  /// What it found, ascending; neighbours whose physical memory is as much in a row are one.
  public private(set) var mappings: [CoreDescription.Mapping] = []
  /// A bound was met: some mappings are missing.
  public private(set) var isCutOff = false

  private var tablesLeft: Int
  /// Bits of the entries that are kept in `Mapping.attributes`.
  private let attributeBits: UInt64
  private let readPage: (_ address: UInt64) -> [UInt8]?

  private static let readWriteExecute: UInt64 = 2 | 4 | 8

  /// Valid, readable if writable, and without the bits of extensions that the machine does not have.
  private static func isValid(_ entry: UInt64) -> Bool {
    entry & 1 != 0 && entry & 6 != 4 && entry >> 54 == 0
  }

  /// - Parameters:
  ///   - satp: the register of each hart that translates. Where they differ, the first one that maps an address says what
  ///     it stands for.
  ///   - tableLimit: tables to look at in all; memory cannot hold more than it has pages.
  ///   - attributeBits: bits of the entries that tell mappings apart and are kept with them; 0: what may be done with a page
  ///     does not matter.
  ///   - readPage: the 4096 bytes at a physical address; nil, or fewer, when there is no memory.
  public init(
    satp: [UInt64], tableLimit: Int, attributeBits: UInt64 = 0,
    readPage: @escaping (_ address: UInt64) -> [UInt8]?
  ) {
    tablesLeft = tableLimit
    self.attributeBits = attributeBits
    self.readPage = readPage
    var seen: Set<UInt64> = []
    for satp in satp {
      // Neither the address space number nor anything but the root and the mode matters.
      let root = (satp & 0xfff_ffff_ffff) << 12
      let mode = satp >> 60
      guard mode == 8 || mode == 9, seen.insert(mode << 60 | root >> 12).inserted else { continue }
      let levels = mode == 8 ? 3 : 4
      var found: [CoreDescription.Mapping] = []
      walk(table: root, level: levels - 1, levels: levels, base: 0, &found)
      mappings = mappings.isEmpty ? found : Self.merge(mappings, found)
    }
    if mappings.count > Self.mappingLimit {
      mappings.removeLast(mappings.count - Self.mappingLimit)
      isCutOff = true
    }
  }

  private mutating func walk(
    table: UInt64, level: Int, levels: Int, base: UInt64, _ found: inout [CoreDescription.Mapping]
  ) {
    guard tablesLeft > 0 else {
      isCutOff = true
      return
    }
    tablesLeft -= 1
    guard let page = readPage(table), page.count == 4096 else { return }
    let entries = page.withUnsafeBytes { bytes in
      (0..<512).map { UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self)) }
    }
    let span = UInt64(1) << UInt64(12 + 9 * level)
    for (index, entry) in entries.enumerated() where Self.isValid(entry) {
      var address = base + UInt64(index) * span
      // The highest bit is repeated in all bits above it.
      if level == levels - 1, index >= 256 { address |= ~UInt64(0) << UInt64(12 + 9 * levels) }
      let frame = (entry >> 10 & 0xfff_ffff_ffff) << 12
      if entry & Self.readWriteExecute == 0 {
        if level > 0 { walk(table: frame, level: level - 1, levels: levels, base: address, &found) }
      } else if frame & (span - 1) == 0 {
        Self.append(
          .init(
            virtualAddress: address, physicalAddress: frame, size: span, attributes: entry & attributeBits),
          to: &found)
        if found.count > 2 * Self.mappingLimit {
          tablesLeft = 0
          isCutOff = true
          return
        }
      }
    }
  }

  private static func append(
    _ mapping: CoreDescription.Mapping, to found: inout [CoreDescription.Mapping]
  ) {
    if let last = found.last, last.virtualAddress &+ last.size == mapping.virtualAddress,
      last.physicalAddress + last.size == mapping.physicalAddress, last.attributes == mapping.attributes
    {
      found[found.count - 1].size += mapping.size
    } else {
      found.append(mapping)
    }
  }

  /// All of `first`, and of `second` what `first` does not map.
  private static func merge(
    _ first: [CoreDescription.Mapping], _ second: [CoreDescription.Mapping]
  ) -> [CoreDescription.Mapping] {
    var result: [CoreDescription.Mapping] = []
    var index = 0
    for mapping in second {
      var rest = mapping
      while rest.size > 0 {
        // Sizes instead of ends: the last address of all is mapped often enough.
        while index < first.count,
          first[index].virtualAddress &+ (first[index].size - 1) < rest.virtualAddress
        {
          append(first[index], to: &result)
          index += 1
        }
        guard index < first.count,
          first[index].virtualAddress <= rest.virtualAddress &+ (rest.size - 1)
        else {
          append(rest, to: &result)
          break
        }
        let next = first[index]
        if next.virtualAddress > rest.virtualAddress {
          let size = next.virtualAddress - rest.virtualAddress
          append(rest.keeping(size), to: &result)
          rest = rest.dropping(size)
        } else {
          rest = rest.dropping(min(rest.size, next.size - (rest.virtualAddress - next.virtualAddress)))
        }
      }
    }
    for mapping in first[index...] { append(mapping, to: &result) }
    return result
  }
}

extension CoreDescription.Mapping {
  fileprivate func keeping(_ count: UInt64) -> Self {
    var first = self
    first.size = count
    return first
  }

  fileprivate func dropping(_ count: UInt64) -> Self {
    .init(
      virtualAddress: virtualAddress &+ count, physicalAddress: physicalAddress &+ count, size: size - count,
      attributes: attributes)
  }
}
