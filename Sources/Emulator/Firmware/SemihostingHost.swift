// SPDX-License-Identifier: Apache-2.0

/// What semihosting needs from the machine. Implemented by `Machine`.
package protocol SemihostingHost: AnyObject {
  var now: Moment { get }
  var gate: any Gate { get }
  var memory: GuestMemory { get }
  /// Does anything wait on the console?
  var hasConsoleInput: Bool { get }
  /// Takes up to `count` bytes that wait on the console.
  func takeConsoleInput(count: Int) -> [UInt8]
  /// What the hart would load; up to where a load would trap.
  func readMemory(virtual address: UInt64, count: Int, hart: Int) -> [UInt8]
  /// Stores as the hart would; false, and nothing is stored, where that would trap.
  func writeMemory(_ bytes: [UInt8], virtual address: UInt64, hart: Int) -> Bool
  func requestPowerOff(status: UInt32)
}
