// SPDX-License-Identifier: Apache-2.0

import Emulator

/// Memory for kept pages, a page at a time.
///
/// Pages of zeros take none. Memory that was once needed is kept for the next pages.
final class PagePool {
  /// A kept page. Whoever has one gives it back, once.
  struct Slot {
    fileprivate var number: Int32

    /// A page of zeros.
    static let zero = Slot(number: -1)
  }

  private static let slabPageCount = 256

  private var slabs: [UnsafeMutableRawPointer] = []
  private var free: [Int32] = []
  private let zeroPage: UnsafeMutableRawPointer
  /// Pages that are kept, those of zeros not among them.
  private(set) var pageCount = 0

  init() {
    zeroPage = .allocate(byteCount: GuestMemory.pageSize, alignment: GuestMemory.pageSize)
    zeroPage.initializeMemory(as: UInt8.self, repeating: 0, count: GuestMemory.pageSize)
  }

  deinit {
    for slab in slabs { slab.deallocate() }
    zeroPage.deallocate()
  }

  /// A copy of a page.
  func keep(_ bytes: UnsafeRawPointer) -> Slot {
    if GuestMemory.isZero(UnsafeRawBufferPointer(start: bytes, count: GuestMemory.pageSize)) { return .zero }
    if free.isEmpty { grow() }
    let number = free.removeLast()
    place(number).copyMemory(from: bytes, byteCount: GuestMemory.pageSize)
    pageCount += 1
    return Slot(number: number)
  }

  /// The bytes of a kept page, until it is given back.
  func bytes(of slot: Slot) -> UnsafeRawPointer {
    slot.number < 0 ? UnsafeRawPointer(zeroPage) : UnsafeRawPointer(place(slot.number))
  }

  func giveBack(_ slot: Slot) {
    guard slot.number >= 0 else { return }
    free.append(slot.number)
    pageCount -= 1
  }

  private func place(_ number: Int32) -> UnsafeMutableRawPointer {
    let (slab, index) = Int(number).quotientAndRemainder(dividingBy: Self.slabPageCount)
    return slabs[slab] + index * GuestMemory.pageSize
  }

  private func grow() {
    let first = Int32(slabs.count * Self.slabPageCount)
    slabs.append(
      .allocate(byteCount: Self.slabPageCount * GuestMemory.pageSize, alignment: GuestMemory.pageSize))
    free.append(contentsOf: (first..<first + Int32(Self.slabPageCount)).reversed())
  }
}
