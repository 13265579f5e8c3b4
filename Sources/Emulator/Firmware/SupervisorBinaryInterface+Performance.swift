// SPDX-License-Identifier: Apache-2.0

/// Chapter 11, as OpenSBI 1.6 has it for harts whose only counters are `cycle` and `instret`.
extension SupervisorBinaryInterface {
  private typealias Counters = PerformanceCounters

  /// An event's number: what kind it is, and which of its kind.
  private enum EventKind {
    case general, cache, raw, firmware

    /// Nil when the specification has no such event.
    init?(_ number: UInt64) {
      let code = number & 0xffff
      switch number >> 16 & 15 {
      case 0 where code < 11: self = .general
      case 1 where code >> 1 & 3 < 3 && code >> 3 < 7: self = .cache
      case 2 where code == 0, 3 where code == 0: self = .raw
      case 15 where code < 22: self = .firmware
      default: return nil
      }
    }
  }

  /// Flags of the functions, which each number them from 1.
  private enum Flag {
    static let skipsMatch: UInt64 = 1
    static let clearsValue: UInt64 = 2
    static let startsAtOnce: UInt64 = 4
    static let setsValue: UInt64 = 1
    static let forgetsEvent: UInt64 = 1
    /// Of start and stop: by memory that is shared, which there is none.
    static let usesSnapshot: UInt64 = 2
  }

  static func performance(
    _ function: UInt32, _ arguments: Arguments, _ hart: Int, _ host: some FirmwareHost
  ) -> Outcome {
    switch function {
    case 0: return .success(UInt64(Counters.count))
    case 1: return counterInformation(UInt32(truncatingIfNeeded: arguments.a0))
    case 2: return configure(arguments, hart, host)
    case 3: return startCounters(arguments, hart, host)
    case 4: return stopCounters(arguments, hart, host)
    case 5:
      let counter = Int(UInt32(truncatingIfNeeded: arguments.a0))
      guard counter < Counters.count,
        EventKind(UInt64(host.performanceCounters[hart].events[counter])) == .firmware,
        counter >= Counters.hardwareCount
      else { return .failure(.invalidParameter) }
      return .success(host.performanceCounters[hart].values[counter - Counters.hardwareCount])
    // The upper half is for rv32.
    case 6: return .success
    default: return .failure(.notSupported)
    }
  }

  /// The CSR in bits 0 to 11, the width less one in 12 to 17, and the firmware's in the highest.
  private static func counterInformation(_ counter: UInt32) -> Outcome {
    switch Int(counter) {
    case 0, 2: .success(63 << 12 | UInt64(CSR.cycle) + UInt64(counter))
    case Counters.hardwareCount..<Counters.count: .success(1 << 63 | 63 << 12)
    default: .failure(.invalidParameter)
    }
  }

  /// The counters that a base and a mask name; nil when one of them, or the base of an empty mask, does not exist.
  private static func selectCounters(_ arguments: Arguments) -> [Int]? {
    let (base, mask) = (arguments.a0, arguments.a1)
    let highest = mask == 0 ? 0 : UInt64(63 - mask.leadingZeroBitCount)
    guard base < UInt64(Counters.count), highest < UInt64(Counters.count) - base else { return nil }
    return (0..<Counters.count).filter { mask >> UInt64($0) & 1 != 0 }.map { Int(base) + $0 }
  }

  private static func configure(
    _ arguments: Arguments, _ hart: Int, _ host: some FirmwareHost
  ) -> Outcome {
    let (flags, event) = (arguments.a2, arguments.a3)
    guard let named = selectCounters(arguments), let kind = EventKind(event) else {
      return .failure(.invalidParameter)
    }
    let counter: Int
    if flags & Flag.skipsMatch != 0 {
      counter = named.first ?? Int(arguments.a0)
      // One that was chosen before, for an event of the same kind.
      guard let old = EventKind(UInt64(host.performanceCounters[hart].events[counter])),
        (old == .firmware) == (kind == .firmware)
      else { return .failure(.invalidParameter) }
    } else {
      let found =
        kind == .firmware
        ? named.first { counter in
          counter >= Counters.hardwareCount
            && host.performanceCounters[hart].events[counter] == Counters.noEvent
        } : fixedCounter(event, from: arguments.a0)
      guard let found else { return .failure(.notSupported) }
      counter = found
      host.performanceCounters[hart].events[counter] = UInt32(truncatingIfNeeded: event)
    }
    if kind == .firmware {
      let index = counter - Counters.hardwareCount
      if flags & Flag.clearsValue != 0 { host.performanceCounters[hart].values[index] = 0 }
      if flags & Flag.startsAtOnce != 0 { host.performanceCounters[hart].started |= 1 << UInt16(index) }
    } else if kind == .general {
      if flags & Flag.clearsValue != 0 { host.setCounter(counter, to: 0, hart: hart) }
      if flags & Flag.startsAtOnce != 0 { host.setCounter(counter, isCounting: true, hart: hart) }
    }
    return .success(UInt64(counter))
  }

  /// cycle for cycles and instret for instructions, whatever the mask says: there is no choice.
  private static func fixedCounter(_ event: UInt64, from base: UInt64) -> Int? {
    guard base < UInt64(Counters.hardwareCount) else { return nil }
    return event == 1 ? 0 : event == 2 ? 2 : nil
  }

  private static func startCounters(
    _ arguments: Arguments, _ hart: Int, _ host: some FirmwareHost
  ) -> Outcome {
    let flags = arguments.a2
    guard let named = selectCounters(arguments) else { return .failure(.invalidParameter) }
    if flags & Flag.usesSnapshot != 0 { return .failure(.noSharedMemory) }
    // The last one that can be started says how it went.
    var outcome = Outcome.failure(.invalidParameter)
    for counter in named where host.performanceCounters[hart].events[counter] != Counters.noEvent {
      if counter < Counters.hardwareCount {
        if host.isCounting(counter, hart: hart) {
          outcome = .failure(.alreadyStarted)
          continue
        }
        host.setCounter(counter, isCounting: true, hart: hart)
        if flags & Flag.setsValue != 0 { host.setCounter(counter, to: arguments.a3, hart: hart) }
      } else {
        let index = counter - Counters.hardwareCount
        if flags & Flag.setsValue != 0 { host.performanceCounters[hart].values[index] = arguments.a3 }
        host.performanceCounters[hart].started |= 1 << UInt16(index)
      }
      outcome = .success
    }
    return outcome
  }

  private static func stopCounters(
    _ arguments: Arguments, _ hart: Int, _ host: some FirmwareHost
  ) -> Outcome {
    let flags = arguments.a2
    guard let named = selectCounters(arguments) else { return .failure(.invalidParameter) }
    if flags & Flag.usesSnapshot != 0 { return .failure(.noSharedMemory) }
    var outcome = Outcome.failure(.invalidParameter)
    for counter in named where host.performanceCounters[hart].events[counter] != Counters.noEvent {
      if counter < Counters.hardwareCount {
        outcome = host.isCounting(counter, hart: hart) ? .success : .failure(.alreadyStopped)
        host.setCounter(counter, isCounting: false, hart: hart)
      } else {
        host.performanceCounters[hart].started &= ~(1 << UInt16(counter - Counters.hardwareCount))
        if flags & Flag.forgetsEvent != 0 {
          host.performanceCounters[hart].events[counter] = Counters.noEvent
        }
        outcome = .success
      }
    }
    return outcome
  }
}
