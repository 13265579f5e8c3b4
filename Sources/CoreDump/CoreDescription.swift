// SPDX-License-Identifier: Apache-2.0

/// What a core file is about, in plain values. Memory itself goes through a `CoreWriter`.
public struct CoreDescription: Sendable {
  /// A range of physical memory. Regions do not overlap and lie in ascending order.
  public struct Region: Equatable, Sendable {
    public var address: UInt64
    /// Bytes, more than 0; the region ends within 64 bits.
    public var size: UInt64

    public init(address: UInt64, size: UInt64) {
      self.address = address
      self.size = size
    }

    public var end: UInt64 { address + size }

    /// What of it lies in `range`; nil when nothing does.
    public func clipped(to range: Range<UInt64>) -> Region? {
      let from = max(address, range.lowerBound)
      let to = min(end, range.upperBound)
      return from < to ? Region(address: from, size: to - from) : nil
    }
  }

  /// A range of virtual addresses and the physical ones that they stand for.
  public struct Mapping: Equatable, Sendable {
    public var virtualAddress: UInt64
    public var physicalAddress: UInt64
    public var size: UInt64
    /// Bits of the page-table entries, as far as they were asked for; a core has none.
    public var attributes: UInt64

    /// What the `count` bytes at a virtual address stand for; nil when not all of them are in it.
    public func physicalAddress(of address: UInt64, count: UInt64) -> UInt64? {
      guard address >= virtualAddress, address - virtualAddress < size,
        count <= size - (address - virtualAddress)
      else {
        return nil
      }
      return physicalAddress + (address - virtualAddress)
    }

    public init(virtualAddress: UInt64, physicalAddress: UInt64, size: UInt64, attributes: UInt64 = 0) {
      self.virtualAddress = virtualAddress
      self.physicalAddress = physicalAddress
      self.size = size
      self.attributes = attributes
    }
  }

  /// The registers of a hart.
  public struct Hart: Sendable {
    public struct Register: Equatable, Sendable {
      public var name: String
      public var value: UInt64

      public init(name: String, value: UInt64) {
        self.name = name
        self.value = value
      }
    }

    public var programCounter: UInt64
    /// x1 to x31.
    public var integerRegisters: [UInt64]
    /// f0 to f31.
    public var floatingPointRegisters: [UInt64]
    public var floatingPointStatus: UInt32
    /// The same names in the same order for every hart; `fflags`, `frm` and `fcsr` are not among them.
    public var controlAndStatusRegisters: [Register]

    public init(
      programCounter: UInt64, integerRegisters: [UInt64], floatingPointRegisters: [UInt64],
      floatingPointStatus: UInt32, controlAndStatusRegisters: [Register]
    ) {
      precondition(integerRegisters.count == 31 && floatingPointRegisters.count == 32)
      self.programCounter = programCounter
      self.integerRegisters = integerRegisters
      self.floatingPointRegisters = floatingPointRegisters
      self.floatingPointStatus = floatingPointStatus
      self.controlAndStatusRegisters = controlAndStatusRegisters
    }
  }

  public static let pageSize: UInt64 = 4096

  public var regions: [Region]
  /// The virtual address space, ascending and without overlaps; empty: virtual addresses are physical ones.
  public var mappings: [Mapping] = []
  public var harts: [Hart]
  /// What a Linux kernel tells debuggers about itself, if it does.
  public var kernelInformation: VMCoreInfo?
  /// What `uname` says in the guest, where that is known.
  public var systemName: SystemName?
  /// A note that the guest itself gave for dumps, whatever it says.
  public var givenNote: GuestNote?

  public init(regions: [Region], harts: [Hart]) {
    self.regions = regions
    self.harts = harts
  }

  /// Where Linux's own half of the address space begins, the same for all processes.
  public static let kernelBase: UInt64 = 1 << 63

  /// Bytes of memory in all regions.
  public var memorySize: UInt64 { regions.reduce(0) { $0 + $1.size } }

  /// The region that holds all `count` bytes at a physical address.
  func regionIndex(at address: UInt64, count: UInt64) -> Int? {
    var low = 0
    var high = regions.count
    while low < high {
      let middle = (low + high) / 2
      if regions[middle].end <= address { low = middle + 1 } else { high = middle }
    }
    guard low < regions.count, regions[low].address <= address, count <= regions[low].end - address else {
      return nil
    }
    return low
  }
}
