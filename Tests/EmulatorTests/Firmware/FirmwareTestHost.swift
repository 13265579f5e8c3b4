// SPDX-License-Identifier: Apache-2.0

import Emulator

/// A machine for the SBI's tests: it does nothing and writes down what it is told.
final class FirmwareTestHost: FirmwareHost, Gate {
  enum Effect: Equatable {
    case start(hart: Int, address: UInt64, opaque: UInt64)
    case stop(hart: Int)
    case wait(hart: Int)
    case timer(hart: Int, tick: UInt64)
    case interrupt(hart: Int)
    case clearInterrupt(hart: Int)
    case output([UInt8])
    case powerOff(status: UInt32)
    case reset
    case count(counter: Int, hart: Int, Bool)
    case setCounter(counter: Int, hart: Int, UInt64)
  }

  let hartCount: Int
  let now = Moment(position: 5, time: 50)
  let memory = GuestMemory(base: 0x8000_0000, size: 2 << 20)
  var gate: any Gate { self }
  var startedHarts: Set<Int>
  var input: [UInt8] = []
  var pendingInterrupts: Set<Int> = []
  var virtualMemory: [UInt64: UInt64] = [:]
  private(set) var effects: [Effect] = []

  init(hartCount: Int = 4, startedHarts: Set<Int>? = nil) {
    self.hartCount = hartCount
    self.startedHarts = startedHarts ?? Set(0..<hartCount)
  }

  /// The effects since the last time.
  func takeEffects() -> [Effect] {
    defer { effects = [] }
    return effects
  }

  func isHartStarted(_ hart: Int) -> Bool { startedHarts.contains(hart) }
  func startHart(_ hart: Int, address: UInt64, opaque: UInt64) {
    effects.append(.start(hart: hart, address: address, opaque: opaque))
  }
  func stopHart(_ hart: Int) { effects.append(.stop(hart: hart)) }
  func waitForInterrupt(hart: Int) { effects.append(.wait(hart: hart)) }
  func setSupervisorTimer(hart: Int, tick: UInt64) { effects.append(.timer(hart: hart, tick: tick)) }
  func raiseSupervisorSoftwareInterrupt(hart: Int) { effects.append(.interrupt(hart: hart)) }
  func clearSupervisorSoftwareInterrupt(hart: Int) -> Bool {
    effects.append(.clearInterrupt(hart: hart))
    return pendingInterrupts.remove(hart) != nil
  }
  func loadDoubleword(hart: Int, virtualAddress: UInt64) -> UInt64? { virtualMemory[virtualAddress] }
  func takeConsoleInput(count: Int) -> [UInt8] {
    defer { input.removeFirst(min(count, input.count)) }
    return Array(input.prefix(count))
  }
  var hasPerformanceCounters = true
  lazy var performanceCounters = Array(repeating: PerformanceCounters(), count: hartCount)
  var stoppedCounters: Set<Int> = []
  func isCounting(_ counter: Int, hart: Int) -> Bool { !stoppedCounters.contains(counter) }
  func setCounter(_ counter: Int, isCounting: Bool, hart: Int) {
    effects.append(.count(counter: counter, hart: hart, isCounting))
    if isCounting { stoppedCounters.remove(counter) } else { stoppedCounters.insert(counter) }
  }
  func setCounter(_ counter: Int, to value: UInt64, hart: Int) {
    effects.append(.setCounter(counter: counter, hart: hart, value))
  }
  func requestPowerOff(status: UInt32) { effects.append(.powerOff(status: status)) }
  func requestReset() { effects.append(.reset) }

  func readWallClock(at moment: Moment) -> UInt64 { 0 }
  func readEntropy(count: Int, at moment: Moment) -> [UInt8] { Array(repeating: 0, count: count) }
  func nextPoll(after moment: Moment) -> UInt64 { .max }
  func takeArrival(at moment: Moment) -> Arrival? { nil }
  func idle(at moment: Moment, until deadline: UInt64?) -> IdleEnd { .stop }
  func frameOutput(_ frame: NetworkFrame, at moment: Moment) {}
  func blockRequest(_ request: BlockRequest, at moment: Moment) {}
  func consoleOutput(_ byte: UInt8, at moment: Moment) {
    if case .output(let bytes) = effects.last {
      effects[effects.count - 1] = .output(bytes + [byte])
    } else {
      effects.append(.output([byte]))
    }
  }
}
