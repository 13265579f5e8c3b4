// SPDX-License-Identifier: Apache-2.0

import LinuxGuest
import TestSupport
import Testing

/// A kernel's own names, found in memory without being told where.
@Suite struct KallsymsTests {
  private static let banner = "Linux version 6.12.0 (somebody@somewhere) #1 SMP"

  /// Names of many lengths in order; the banner's is one of them.
  private static func symbols(_ count: Int) -> [KernelSymbol] {
    (0..<count).map { index in
      let address = TestMemory.kernel + UInt64(0x1000 + index * 4)
      switch index {
      case 0:
        return KernelSymbol(address: TestMemory.kernel, kind: UInt8(ascii: "T"), name: "_start")
      case 5:
        return KernelSymbol(address: TestMemory.address(0x800), kind: UInt8(ascii: "R"), name: "linux_banner")
      case 77:
        // Rust's are long: two bytes of length.
        return KernelSymbol(
          address: address, kind: UInt8(ascii: "t"), name: "_R" + String(repeating: "ab1", count: 90))
      default:
        return KernelSymbol(
          address: address, kind: index % 3 == 0 ? UInt8(ascii: "T") : UInt8(ascii: "d"),
          name: (index % 2 == 0 ? "sys_" : "init_") + "name\(index)")
      }
    }.sorted { $0.address < $1.address }
  }

  private func memory(_ image: KallsymsImage) -> TestMemory {
    let memory = TestMemory(count: 1 << 20)
    memory.write(Self.banner.utf8, at: 0x800)
    memory.write(image.bytes, at: 0x40000)
    return memory
  }

  @Test(arguments: KallsymsImage.Version.allCases) func namesOfAllVersionsAreFound(
    _ version: KallsymsImage.Version
  ) throws {
    for count in [300, 512, 1000, 1025] {
      let symbols = Self.symbols(count)
      let kernel = try LinuxKernel(in: memory(KallsymsImage(symbols, version)))
      #expect(kernel.symbols == symbols)
      #expect(kernel.banner == Self.banner)
    }
  }

  /// A copy that a loader has left lies where nothing leads.
  @Test func theKernelThatRunsCounts() throws {
    let symbols = Self.symbols(700)
    let memory = TestMemory(count: 2 << 20)
    let moved = symbols.map { symbol in
      var symbol = symbol
      symbol.address -= 0x10_0000_0000
      return symbol
    }
    memory.write(KallsymsImage(moved, .from64).bytes, at: 0x20000)
    memory.write(KallsymsImage(symbols, .from64).bytes, at: 0x180000)
    memory.write(Self.banner.utf8, at: 0x800)
    #expect(try LinuxKernel(in: memory).symbols == symbols)
  }

  @Test func aKernelWithoutPageTablesIsRefused() throws {
    let memory = memory(KallsymsImage(Self.symbols(700), .from64))
    memory.satp = [0]
    let error = #expect(throws: LinuxGuestError.self) { try LinuxKernel(in: memory) }
    #expect(error?.problem == "there is a Linux kernel in memory, but no page tables of its own yet")
    memory.bytes = [UInt8](repeating: 0, count: 1 << 20)
    let none = #expect(throws: LinuxGuestError.self) { try LinuxKernel(in: memory) }
    #expect(none?.problem == "no Linux kernel is found in memory")
  }

  /// Nothing that memory may hold is believed, or traps: what was changed is found as it is, or not at all.
  @Test(arguments: KallsymsImage.Version.allCases) func damagedTablesAreRefused(
    _ version: KallsymsImage.Version
  ) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let symbols = Self.symbols(600)
    let image = KallsymsImage(symbols, version)
    var refused = 0
    for _ in 0..<200 {
      let memory = memory(image)
      let place = 0x40000 + Int.random(in: 0..<image.bytes.count - 8, using: &random)
      switch Int.random(in: 0..<3, using: &random) {
      case 0: memory.write(UInt64.random(in: 0...255, using: &random), bytes: 1, at: place)
      case 1: memory.write(UInt64.random(in: 0...UInt64.max, using: &random), at: place)
      default: memory.bytes.removeSubrange(place...)
      }
      if let kernel = try? LinuxKernel(in: memory) {
        #expect(kernel.symbols.count == 600, "seed \(seed)")
      } else {
        refused += 1
      }
    }
    #expect(refused > 20, "seed \(seed)")
  }

  /// Memory made to be looked at for long: all digits, and markers that never end.
  @Test func hostileMemoryIsLeft() {
    let memory = TestMemory(count: 4 << 20)
    let digits = Array("0\u{0}1\u{0}2\u{0}3\u{0}4\u{0}5\u{0}6\u{0}7\u{0}8\u{0}9\u{0}".utf8)
    for place in stride(from: 0, to: memory.bytes.count - 20, by: 20) { memory.write(digits, at: place) }
    #expect(throws: LinuxGuestError.self) { try LinuxKernel(in: memory) }
    let image = KallsymsImage(Self.symbols(600), .from64).bytes
    for place in stride(from: 0, to: 0x380000, by: 4) {
      memory.write(UInt64(0x200 * (place / 4)), bytes: 4, at: place)
    }
    memory.write(image.suffix(image.count / 2), at: 0x380000)
    #expect(throws: LinuxGuestError.self) { try LinuxKernel(in: memory) }
  }
}
