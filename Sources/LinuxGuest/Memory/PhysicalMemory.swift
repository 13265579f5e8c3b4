// SPDX-License-Identifier: Apache-2.0

/// A guest's memory as the readers of this module know it: to be looked at. There is no way to write in here.
package protocol PhysicalMemory {
  /// Where RAM is.
  var ram: Range<UInt64> { get }
  /// `satp` of each hart.
  var satp: [UInt64] { get }
  /// As many of `count` bytes from `address` on as are RAM.
  func read(_ address: UInt64, count: Int) -> [UInt8]
  /// What a virtual address stands for by the page tables that a value of `satp` names; nil where they map nothing.
  func physicalAddress(of address: UInt64, satp: UInt64) -> UInt64?
}
