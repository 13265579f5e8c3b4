// SPDX-License-Identifier: Apache-2.0

/// What the built-in SBI needs from the machine. Implemented by `Machine`.
package protocol FirmwareHost: AnyObject {
  var hartCount: Int { get }
  var now: Moment { get }
  var gate: any Gate { get }
  var memory: GuestMemory { get }
  /// Is the hart running (or about to), as opposed to stopped.
  func isHartStarted(_ hart: Int) -> Bool
  /// Starts a stopped hart in S mode at a physical address with a0 = hart id, a1 = opaque, satp = 0, interrupts off.
  func startHart(_ hart: Int, address: UInt64, opaque: UInt64)
  /// Stops a hart; it executes nothing until it is started again.
  func stopHart(_ hart: Int)
  /// The hart sleeps until an interrupt that is enabled in its `sie` is pending, as `wfi` does.
  func waitForInterrupt(hart: Int)
  /// Sets the tick of `time` at which the hart's supervisor timer interrupt becomes pending; clears a pending one.
  func setSupervisorTimer(hart: Int, tick: UInt64)
  func raiseSupervisorSoftwareInterrupt(hart: Int)
  /// Clears the hart's supervisor software interrupt and answers whether it was pending.
  func clearSupervisorSoftwareInterrupt(hart: Int) -> Bool
  /// The doubleword that a load by the hart in S mode would give, or nil where the load would trap.
  func loadDoubleword(hart: Int, virtualAddress: UInt64) -> UInt64?
  /// Takes up to `count` bytes that wait on the console.
  func takeConsoleInput(count: Int) -> [UInt8]
  /// Is there a PMU extension? Machines of the first revision have none.
  var hasPerformanceCounters: Bool { get }
  /// Of each hart.
  var performanceCounters: [PerformanceCounters] { get set }
  /// Of the hart's counters 0, `cycle`, and 2, `instret`.
  func isCounting(_ counter: Int, hart: Int) -> Bool
  func setCounter(_ counter: Int, isCounting: Bool, hart: Int)
  func setCounter(_ counter: Int, to value: UInt64, hart: Int)
  func requestPowerOff(status: UInt32)
  func requestReset()
}
