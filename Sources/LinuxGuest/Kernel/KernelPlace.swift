// SPDX-License-Identifier: Apache-2.0

/// Where a kernel lies, and by which page tables: known because they lead from the name of its banner to the banner's text.
struct KernelPlace {
  /// Where kernels of rv64 are linked to begin, since 5.13: at the last 2 GiB.
  static let linkedStart: UInt64 = 0xffff_ffff_8000_0000
  /// KASLR moves them by multiples of this, fewer than so many.
  private static let step: UInt64 = 2 << 20
  private static let stepCount: UInt64 = 1024

  let satp: UInt64
  let banner: String
  /// From addresses that names were told to have to their virtual ones.
  let displacement: UInt64

  private static let start = Array("Linux version ".utf8)
  private static let bannerLimit = 512

  /// - Parameter address: what the kernel's names stand for, virtually.
  init?(_ physical: any PhysicalMemory, named address: (String) -> UInt64?) {
    guard let banner = address("linux_banner") else { return nil }
    func isBanner(_ place: UInt64) -> Bool { Self.isBanner(physical, place) }
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
    self.init(physical, satp: satp, banner: banner, displacement: 0)
  }

  /// - Parameter place: what the kernel's names stand for, physically: where it lies virtually is found by trying.
  init?(_ physical: any PhysicalMemory, lyingAt place: (String) -> UInt64?) {
    guard let banner = place("linux_banner"), Self.isBanner(physical, banner), let start = place("_start")
    else { return nil }
    let own = place("swapper_pg_dir").map { tables in [8, 9].map { $0 << 60 | tables >> 12 } } ?? []
    for satp in own + physical.satp {
      // Both, as tables that are read as those of another mode may map one of them somewhere.
      let found = (0..<Self.stepCount).lazy.map { Self.linkedStart + $0 * Self.step }.first {
        physical.physicalAddress(of: $0, satp: satp) == start
          && physical.physicalAddress(of: $0 &+ (banner &- start), satp: satp) == banner
      }
      if let found {
        self.init(physical, satp: satp, banner: banner &+ (found &- start), displacement: found &- start)
        return
      }
    }
    return nil
  }

  private init(_ physical: any PhysicalMemory, satp: UInt64, banner: UInt64, displacement: UInt64) {
    self.satp = satp
    self.displacement = displacement
    let text = KernelMemory(physical, satp: satp).read(banner, count: Self.bannerLimit)
    self.banner = String(decoding: text.prefix { $0 != 0 && $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }

  private static func isBanner(_ physical: any PhysicalMemory, _ place: UInt64) -> Bool {
    physical.read(place, count: start.count) == start
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
