// SPDX-License-Identifier: Apache-2.0

/// Where each part lies in RAM: plain arithmetic, with QEMU's rules for the `virt` board (hw/riscv/boot.c).
///
/// - The bios lies where it was linked, a flat one at the start of RAM.
/// - A relocatable kernel lies on the first multiple of 2 MiB behind the bios, at the start of RAM + 2 MiB at least: the
///   first 2 MiB belong to the firmware, even when that is the built-in one.
/// - The initrd lies half of RAM, at most 512 MiB, above the kernel's start, and above its end.
/// - The device tree lies on the last multiple of 2 MiB that leaves room for it below the end of RAM and below 3 GiB.
struct BootLayout {
  /// A part of RAM that is spoken for; `size` is not 0.
  struct Extent: Equatable {
    var image: String
    var address: UInt64
    var size: UInt64
    var end: UInt64 { address + size }
  }

  /// What is to be placed, independent of where.
  struct Parts {
    /// Extents that the bios fixes; empty for the built-in SBI.
    var bios: [Extent] = []
    /// Extents that an ELF kernel fixes.
    var kernel: [Extent] = []
    /// Bytes in memory of a relocatable kernel; 0 when there is none.
    var relocatableKernelSize: UInt64 = 0
    /// No firmware, not even the built-in one: a relocatable kernel lies where RAM begins.
    var hasNoFirmware = false
    /// 0 when there is none.
    var initrdSize: UInt64 = 0
    var deviceTreeSize: UInt64 = 0
  }

  enum Conflict: Equatable {
    case outsideMemory(Extent)
    /// The second begins before the first ends.
    case overlap(Extent, Extent)

    /// The part to blame: what has a place given to it before what was linked there.
    var image: String {
      switch self {
      case .outsideMemory(let extent): extent.image
      case .overlap(let first, let second):
        Self.order.first { $0 == first.image || $0 == second.image } ?? first.image
      }
    }

    private static let order = ["initrd", "kernel", "bios"]
  }

  static let alignment: UInt64 = 2 << 20
  private static let initrdDistanceLimit: UInt64 = 512 << 20
  private static let deviceTreeCeiling: UInt64 = 3 << 30
  private static let memoryBase = MemoryMap.memoryBase

  let memorySize: UInt64
  /// Lowest address of the kernel, 0 when there is none.
  let kernelAddress: UInt64
  /// 0 when there is none.
  let initrdAddress: UInt64
  let deviceTreeAddress: UInt64
  /// Everything placed, in ascending order.
  let extents: [Extent]

  init(_ parts: Parts, memorySize: UInt64) {
    self.memorySize = memorySize
    let memoryEnd = Self.memoryBase + memorySize
    var placed = parts.bios + parts.kernel
    var kernelEnd: UInt64
    if parts.relocatableKernelSize > 0 {
      let firmwareEnd = parts.bios.map(\.end).max() ?? 0
      let lowest = Self.memoryBase + (parts.hasNoFirmware ? 0 : Self.alignment)
      kernelAddress = max(lowest, Self.roundUp(firmwareEnd, Self.alignment))
      kernelEnd = kernelAddress.addingSaturating(parts.relocatableKernelSize)
      placed.append(Extent(image: "kernel", address: kernelAddress, size: kernelEnd - kernelAddress))
    } else {
      kernelAddress = parts.kernel.first?.address ?? 0
      kernelEnd = parts.kernel.last?.end ?? 0
    }
    if parts.initrdSize > 0 {
      let distance = min(memorySize / 2, Self.initrdDistanceLimit)
      let start = max(kernelAddress.addingSaturating(distance), kernelEnd)
      initrdAddress = Self.roundUp(start, UInt64(GuestMemory.pageSize))
      placed.append(
        Extent(
          image: "initrd", address: initrdAddress, size: min(parts.initrdSize, .max - initrdAddress)))
    } else {
      initrdAddress = 0
    }
    let ceiling = min(memoryEnd, Self.deviceTreeCeiling)
    // Too little RAM for it shows as a conflict like every other.
    let room = ceiling - Self.memoryBase
    deviceTreeAddress =
      Self.memoryBase + (parts.deviceTreeSize <= room ? room - parts.deviceTreeSize : 0)
      & ~(Self.alignment - 1)
    placed.append(Extent(image: "device tree", address: deviceTreeAddress, size: parts.deviceTreeSize))
    extents = placed.sorted { ($0.address, $0.size) < ($1.address, $1.size) }
  }

  /// What stands in the way of booting, nil when nothing does.
  var conflict: Conflict? {
    for extent in extents {
      let offset = extent.address &- Self.memoryBase
      guard extent.address >= Self.memoryBase, offset <= memorySize, extent.size <= memorySize - offset
      else { return .outsideMemory(extent) }
    }
    for (first, second) in zip(extents, extents.dropFirst()) where second.address < first.end {
      return .overlap(first, second)
    }
    return nil
  }

  /// The smallest power of two of bytes above `memorySize` with which `parts` fit; nil when no size helps.
  static func sufficientMemory(for parts: Parts, above memorySize: UInt64) -> UInt64? {
    var size = alignment
    while size <= MachineConfiguration.memorySizeLimit {
      if size > memorySize, BootLayout(parts, memorySize: size).conflict == nil { return size }
      size *= 2
    }
    return nil
  }

  /// Saturates at the last multiple.
  private static func roundUp(_ value: UInt64, _ multiple: UInt64) -> UInt64 {
    value.addingSaturating(multiple - 1) & ~(multiple - 1)
  }
}

extension UInt64 {
  fileprivate func addingSaturating(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
