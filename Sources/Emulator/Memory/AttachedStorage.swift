// SPDX-License-Identifier: Apache-2.0

/// What lies behind RAM in a machine's memory: the two banks of flash, then the files that firmware is given.
///
/// None of it changes in a reset. It is a part of memory so that whatever is made for memory serves it too: a write costs what a
/// first store to a page costs, and what never changes is never copied and never digested again.
package struct AttachedStorage: Sendable, Equatable {
  package static let bankCount = 2
  /// Of one bank.
  package static let bankSize: UInt64 = 32 << 20

  package var hasFlash: Bool
  /// Bytes of the files for firmware.
  package var firmwareSize: UInt64

  package init(hasFlash: Bool = false, firmwareSize: UInt64 = 0) {
    self.hasFlash = hasFlash
    self.firmwareSize = firmwareSize
  }

  package var flashSize: UInt64 { hasFlash ? UInt64(Self.bankCount) * Self.bankSize : 0 }
  /// All of it, in whole pages.
  package var size: UInt64 {
    let mask = UInt64(GuestMemory.pageSize - 1)
    return flashSize + (firmwareSize + mask) & ~mask
  }
}

extension GuestMemory {
  /// The host address of what lies `offset` behind the end of RAM, or nil when it has not `count` bytes.
  package func attachedPointer(at offset: UInt64, count: Int) -> UnsafeMutableRawPointer? {
    guard offset <= attached.size, UInt64(count) <= attached.size - offset else { return nil }
    return bytes + Int(size + offset)
  }

  /// Writes behind RAM; all of `data` must have room there.
  package func writeAttached(_ data: UnsafeRawBufferPointer, at offset: UInt64) {
    guard let target = attachedPointer(at: offset, count: data.count) else {
      preconditionFailure("\(data.count) bytes at \(offset) do not lie in what is attached to memory")
    }
    prepareStore(at: base + size + offset, count: data.count)
    UnsafeMutableRawBufferPointer(start: target, count: data.count).copyMemory(from: data)
  }

  package func writeAttached(_ data: [UInt8], at offset: UInt64) {
    data.withUnsafeBytes { writeAttached($0, at: offset) }
  }

  package func readAttached(at offset: UInt64, count: Int) -> [UInt8]? {
    attachedPointer(at: offset, count: count).map { [UInt8](UnsafeRawBufferPointer(start: $0, count: count)) }
  }

  // MARK: Flash on the bus

  /// The host address of `count` bytes that loads and fetches find at a physical address: RAM, or flash that reads as an array.
  @inline(__always)
  func readablePointer(at address: UInt64, count: Int) -> UnsafeMutableRawPointer? {
    pointer(at: address, count: count) ?? flashPointer(at: address, count: count)
  }

  @inline(never)
  private func flashPointer(at address: UInt64, count: Int) -> UnsafeMutableRawPointer? {
    let offset = address &- MemoryMap.flash.base
    guard offset < attached.flashSize else { return nil }
    let bank = offset / AttachedStorage.bankSize
    guard arrayBanks >> bank & 1 != 0, UInt64(count) <= (bank + 1) * AttachedStorage.bankSize - offset else {
      return nil
    }
    isFlashCached = true
    return bytes + Int(size + offset)
  }

  /// What flash holds at a physical address, however it reads. Has no effect.
  func inspectedFlash(at address: UInt64, count: Int) -> UnsafeMutableRawPointer? {
    let offset = address &- MemoryMap.flash.base
    return offset < attached.flashSize ? attachedPointer(at: offset, count: count) : nil
  }

  /// Says how a bank reads from now on.
  func setFlash(bank: Int, readsArray: Bool) {
    let bit = UInt8(1) << UInt8(bank)
    guard arrayBanks & bit != (readsArray ? bit : 0) else { return }
    arrayBanks ^= bit
    guard !readsArray, isFlashCached else { return }
    isFlashCached = false
    observer?._withUnsafeGuaranteedRef { $0.forgetFlash() }
  }
}
