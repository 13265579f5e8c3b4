// SPDX-License-Identifier: Apache-2.0

/// Where a kernel lies, and by which page tables: known because they lead from the name of its banner to the banner's text.
struct KernelPlace {
  let satp: UInt64
  let banner: String

  private static let start = Array("Linux version ".utf8)
  private static let bannerLimit = 512

  /// - Parameter address: what the kernel's names stand for, virtually.
  init?(_ physical: any PhysicalMemory, named address: (String) -> UInt64?) {
    guard let banner = address("linux_banner") else { return nil }
    func isBanner(_ place: UInt64) -> Bool {
      physical.read(place, count: Self.start.count) == Self.start
    }
    // Those of a hart may be a process's, which need not have all of the kernel's memory, or firmware's.
    let ofHart = physical.satp.first { satp in
      physical.physicalAddress(of: banner, satp: satp).map(isBanner) ?? false
    }
    let places = ofHart.flatMap { physical.physicalAddress(of: banner, satp: $0) }.map { [$0] }
    let own = address("swapper_pg_dir").flatMap { tables in
      (places ?? Self.pages(of: physical, offset: banner & 0xfff).filter(isBanner)).lazy.compactMap {
        Self.satp(physical, tables: tables, banner: banner, at: $0)
      }.first
    }
    guard let satp = own ?? ofHart else { return nil }
    self.satp = satp
    let text = KernelMemory(physical, satp: satp).read(banner, count: Self.bannerLimit)
    self.banner = String(decoding: text.prefix { $0 != 0 && $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }

  /// The kernel's own tables, in the mode in which they map the banner to where it is. All of its image lies in a row.
  private static func satp(
    _ physical: any PhysicalMemory, tables: UInt64, banner: UInt64, at place: UInt64
  ) -> UInt64? {
    let root = tables &+ (place &- banner)
    return [8, 9].lazy.map { $0 << 60 | root >> 12 }.first {
      physical.physicalAddress(of: banner, satp: $0) == place
    }
  }

  private static func pages(of physical: any PhysicalMemory, offset: UInt64) -> some Sequence<UInt64> {
    let ram = physical.ram
    return stride(from: ram.lowerBound + offset, to: max(ram.upperBound, ram.lowerBound + offset), by: 4096)
  }
}
