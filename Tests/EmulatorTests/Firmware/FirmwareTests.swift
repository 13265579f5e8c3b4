// SPDX-License-Identifier: Apache-2.0

import Emulator
import TestSupport
import Testing

/// The built-in SBI against the specification: numbers here are the specification's, not the implementation's.
@Suite struct FirmwareTests {
  private typealias Effect = FirmwareTestHost.Effect

  private static let base: UInt64 = 0x10
  private static let timer: UInt64 = 0x5449_4d45
  private static let interrupt: UInt64 = 0x73_5049
  private static let fence: UInt64 = 0x5246_4e43
  private static let harts: UInt64 = 0x48_534d
  private static let reset: UInt64 = 0x5352_5354
  private static let console: UInt64 = 0x4442_434e
  private static let performance: UInt64 = 0x50_4d55
  private static let suspend: UInt64 = 0x5355_5350

  private static func success(_ value: UInt64 = 0) -> SupervisorBinaryInterface.Outcome {
    .returns(.success, value: value)
  }
  private static func failure(_ error: Int64) -> SupervisorBinaryInterface.Outcome {
    // Every raw value the tests use is one of the specification's.
    .returns(SupervisorBinaryInterface.ErrorCode(rawValue: error)!, value: 0)
  }
  private static let notSupported = failure(-2)
  private static let invalidParameter = failure(-3)
  private static let invalidAddress = failure(-5)
  private static let alreadyAvailable = failure(-6)

  private func call(
    _ host: FirmwareTestHost, _ extensionID: UInt64, _ function: UInt64, _ a0: UInt64 = 0, _ a1: UInt64 = 0,
    _ a2: UInt64 = 0, hart: Int = 0
  ) -> SupervisorBinaryInterface.Outcome {
    SupervisorBinaryInterface.handle(
      .init(extensionID: extensionID, functionID: function, arguments: (a0, a1, a2, 0, 0, 0)), hart: hart,
      host: host)
  }

  @Test func tellsWhatItIs() {
    let host = FirmwareTestHost()
    #expect(call(host, Self.base, 0) == Self.success(0x0200_0000))
    #expect(call(host, Self.base, 1) == Self.success(0x7272))
    #expect(call(host, Self.base, 2) == Self.success(1))
    for function: UInt64 in 4...6 { #expect(call(host, Self.base, function) == Self.success(0)) }
    #expect(call(host, Self.base, 7) == Self.notSupported)
    #expect(host.takeEffects() == [])
  }

  @Test func probesForWhatItHas() {
    let host = FirmwareTestHost()
    let present =
      [
        Self.base, Self.timer, Self.interrupt, Self.fence, Self.harts, Self.reset, Self.console,
        Self.performance,
      ]
      + Array(0...8)
    for number in present { #expect(call(host, Self.base, 3, number) == Self.success(1), "\(number)") }
    for number in [Self.suspend, 9, 0xf, 0x11, 0x0a00_0000] {
      #expect(call(host, Self.base, 3, number) == Self.success(0), "\(number)")
      for function: UInt64 in 0...3 {
        #expect(call(host, number, function) == Self.notSupported, "\(number)")
      }
    }
    // The first revision has no PMU.
    host.hasPerformanceCounters = false
    #expect(call(host, Self.base, 3, Self.performance) == Self.success(0))
    #expect(call(host, Self.performance, 0) == Self.notSupported)
    #expect(host.takeEffects() == [])
  }

  @Test func refusesFunctionsThatAreNotThere() {
    let host = FirmwareTestHost()
    for (number, function) in [
      (Self.timer, 1), (Self.interrupt, 1), (Self.fence, 3), (Self.fence, 6), (Self.harts, 4),
      (Self.reset, 1),
      (Self.console, 3), (Self.base, UInt64(UInt32.max)),
    ] as [(UInt64, UInt64)] {
      #expect(call(host, number, function, 1) == Self.notSupported, "\(number), \(function)")
    }
    #expect(host.takeEffects() == [])
  }

  @Test func setsTheTimerOfTheCaller() {
    let host = FirmwareTestHost()
    #expect(call(host, Self.timer, 0, 1234, hart: 2) == Self.success())
    #expect(call(host, Self.timer, 0, .max) == Self.success())
    #expect(host.takeEffects() == [.timer(hart: 2, tick: 1234), .timer(hart: 0, tick: .max)])
  }

  @Test func interruptsTheSelectedHarts() {
    let host = FirmwareTestHost(startedHarts: [0, 1, 3])
    #expect(call(host, Self.interrupt, 0, 0b11, 0) == Self.success())
    #expect(host.takeEffects() == [.interrupt(hart: 0), .interrupt(hart: 1)])
    #expect(call(host, Self.interrupt, 0, 0b101, 1) == Self.success())
    #expect(host.takeEffects() == [.interrupt(hart: 1), .interrupt(hart: 3)])
    // A base of all ones ignores the mask; a stopped hart is left in peace.
    #expect(call(host, Self.interrupt, 0, 0, .max) == Self.success())
    #expect(host.takeEffects() == [.interrupt(hart: 0), .interrupt(hart: 1), .interrupt(hart: 3)])
    #expect(call(host, Self.interrupt, 0, 0b100, 0) == Self.success())
    #expect(call(host, Self.interrupt, 0, 0, 77) == Self.success())
    #expect(host.takeEffects() == [])
  }

  @Test func refusesMasksOfHartsThatAreNotThere() {
    let host = FirmwareTestHost()
    let masks: [(UInt64, UInt64)] = [
      (0b1_0000, 0), (1, 4), (0b10, 3), (1 << 63, 0), (1, 64), (1, .max - 1), (1 << 63, .max - 1), (.max, 0),
    ]
    for (mask, start) in masks {
      #expect(call(host, Self.interrupt, 0, mask, start) == Self.invalidParameter, "\(mask), \(start)")
      for function: UInt64 in 0...2 {
        #expect(call(host, Self.fence, function, mask, start) == Self.invalidParameter, "\(mask), \(start)")
      }
    }
    #expect(host.takeEffects() == [])
  }

  @Test func fencesHaveNothingToDo() {
    let host = FirmwareTestHost()
    for function: UInt64 in 0...2 {
      #expect(call(host, Self.fence, function, 0b1111, 0, 0x1000) == Self.success())
      #expect(call(host, Self.fence, function, 0, .max, .max) == Self.success())
    }
    #expect(host.takeEffects() == [])
  }

  @Test func startsAndStopsHarts() {
    let host = FirmwareTestHost(startedHarts: [0])
    #expect(call(host, Self.harts, 0, 2, 0x8000_1000, 99) == Self.success())
    #expect(host.takeEffects() == [.start(hart: 2, address: 0x8000_1000, opaque: 99)])
    #expect(call(host, Self.harts, 0, 0, 0x8000_1000) == Self.alreadyAvailable)
    for hart: UInt64 in [4, 1 << 32, .max] {
      #expect(call(host, Self.harts, 0, hart, 0x8000_1000) == Self.invalidParameter)
      #expect(call(host, Self.harts, 2, hart) == Self.invalidParameter)
    }
    for address: UInt64 in [0, 0x1000, 0x7fff_fffe, 0x8000_1001, 0x8020_0000, .max, .max - 1] {
      #expect(call(host, Self.harts, 0, 1, address) == Self.invalidAddress, "\(address)")
    }
    #expect(call(host, Self.harts, 2, 0) == Self.success(0))
    #expect(call(host, Self.harts, 2, 1) == Self.success(1))
    #expect(host.takeEffects() == [])
    #expect(call(host, Self.harts, 1, hart: 3) == .doesNotReturn)
    #expect(host.takeEffects() == [.stop(hart: 3)])
  }

  @Test func suspendsRetentivelyOnly() {
    let host = FirmwareTestHost()
    #expect(call(host, Self.harts, 3, 0, hart: 1) == Self.success())
    #expect(host.takeEffects() == [.wait(hart: 1)])
    // As a sign-extended number of 32 bits, too.
    for type: UInt64 in [0x8000_0000, 0xffff_ffff_8000_0000] {
      #expect(call(host, Self.harts, 3, type, 0x8000_0000) == Self.notSupported)
    }
    for type: UInt64 in [1, 0x0fff_ffff, 0x1000_0000, 0x8000_0001, 0x9000_0000, 0xffff_ffff] {
      #expect(call(host, Self.harts, 3, type) == Self.invalidParameter, "\(type)")
    }
    #expect(host.takeEffects() == [])
  }

  @Test func resetsAndPowersOff() {
    let host = FirmwareTestHost()
    #expect(call(host, Self.reset, 0, 0, 0) == .doesNotReturn)
    #expect(call(host, Self.reset, 0, 0, 1) == .doesNotReturn)
    #expect(call(host, Self.reset, 0, 1, 0) == .doesNotReturn)
    #expect(call(host, Self.reset, 0, 2, 1) == .doesNotReturn)
    #expect(host.takeEffects() == [.powerOff(status: 0), .powerOff(status: 1), .reset, .reset])
    for (type, reason) in [(3, 0), (0, 2), (0xf000_0000, 0), (0, 0xe000_0000)] as [(UInt64, UInt64)] {
      #expect(call(host, Self.reset, 0, type, reason) == Self.invalidParameter, "\(type), \(reason)")
    }
    #expect(host.takeEffects() == [])
  }

  @Test func writesAndReadsTheConsole() {
    let host = FirmwareTestHost()
    host.memory.write(Array("hello".utf8), at: 0x8000_0100)
    #expect(call(host, Self.console, 0, 5, 0x8000_0100) == Self.success(5))
    #expect(call(host, Self.console, 2, 0xff21) == Self.success())
    #expect(host.takeEffects() == [.output(Array("hello!".utf8))])

    host.input = [1, 2, 3]
    #expect(call(host, Self.console, 1, 2, 0x8000_0200) == Self.success(2))
    #expect(call(host, Self.console, 1, 8, 0x8000_0202) == Self.success(1))
    #expect(call(host, Self.console, 1, 8, 0x8000_0203) == Self.success(0))
    #expect(host.memory.read(at: 0x8000_0200, count: 4) == [1, 2, 3, 0])
    #expect(host.takeEffects() == [])
  }

  @Test func movesAPartOfALargeBuffer() {
    let host = FirmwareTestHost()
    host.input = Array(repeating: 7, count: 5000)
    #expect(call(host, Self.console, 0, 2 << 20, 0x8000_0000) == Self.success(4096))
    #expect(host.takeEffects() == [.output(Array(repeating: 0, count: 4096))])
    #expect(call(host, Self.console, 1, 2 << 20, 0x8000_0000) == Self.success(4096))
    #expect(host.input.count == 904)
  }

  @Test func refusesConsoleBuffersOutsideMemory() {
    let host = FirmwareTestHost()
    host.input = [1]
    let buffers: [(UInt64, UInt64, UInt64)] = [
      (1, 0, 0), (1, 0x7fff_ffff, 0), (2, 0x801f_ffff, 0), (1, 0x8020_0000, 0), (2 << 20, 0x8000_0001, 0),
      (2 << 20 | 1, 0x8000_0000, 0), (.max, 0x8000_0000, 0), (1 << 63, 0x8000_0000, 0),
      (1, 0x8000_0000, 1), (1, .max, .max), (.max, .max, 0),
    ]
    for (count, address, upper) in buffers {
      for function: UInt64 in 0...1 {
        #expect(
          call(host, Self.console, function, count, address, upper) == Self.invalidParameter,
          "\(count) at \(address), \(upper)")
      }
    }
    #expect(host.input == [1])
    #expect(host.takeEffects() == [])
  }

  @Test func servesLegacyCalls() {
    let host = FirmwareTestHost(startedHarts: [0, 1, 2])
    #expect(call(host, 0, 0, 77, hart: 1) == .returnsLegacy(0))
    #expect(call(host, 1, 0, 0x41) == .returnsLegacy(0))
    #expect(host.takeEffects() == [.timer(hart: 1, tick: 77), .output([0x41])])

    #expect(call(host, 2, 0) == .returnsLegacy(-1))
    host.input = [200, 0]
    #expect(call(host, 2, 0) == .returnsLegacy(200))
    #expect(call(host, 2, 0) == .returnsLegacy(0))
    #expect(call(host, 2, 0) == .returnsLegacy(-1))

    host.pendingInterrupts = [2]
    #expect(call(host, 3, 0, hart: 2) == .returnsLegacy(1))
    #expect(call(host, 3, 0, hart: 2) == .returnsLegacy(0))
    #expect(host.takeEffects() == [.clearInterrupt(hart: 2), .clearInterrupt(hart: 2)])

    #expect(call(host, 8, 0) == .doesNotReturn)
    #expect(host.takeEffects() == [.powerOff(status: 0)])
  }

  /// Legacy calls take the virtual address of a mask.
  @Test func readsLegacyHartMasks() {
    let host = FirmwareTestHost(startedHarts: [0, 1, 2])
    host.virtualMemory = [0x4000: 0b1110, 0x5000: 0b1_0000]
    #expect(call(host, 4, 0, 0x4000) == .returnsLegacy(0))
    #expect(host.takeEffects() == [.interrupt(hart: 1), .interrupt(hart: 2)])
    #expect(call(host, 4, 0, 0) == .returnsLegacy(0))
    #expect(host.takeEffects() == [.interrupt(hart: 0), .interrupt(hart: 1), .interrupt(hart: 2)])
    for number: UInt64 in 5...7 {
      #expect(call(host, number, 0, 0) == .returnsLegacy(0))
      #expect(call(host, number, 0, 0x4000, 0, .max) == .returnsLegacy(0))
    }
    for number: UInt64 in 4...7 {
      #expect(call(host, number, 0, 0x5000) == .returnsLegacy(-3))
      #expect(call(host, number, 0, 0x6000) == .returnsLegacy(-5))
    }
    #expect(host.takeEffects() == [])
  }

  /// No registers, whatever they hold, trap; and only the calls above have effects.
  @Test(arguments: 1...4) func survivesAnything(seed: UInt64) {
    print("seed \(seed)")
    var random = SeededGenerator(seed: seed)
    let host = FirmwareTestHost()
    let extensions =
      [
        Self.base, Self.timer, Self.interrupt, Self.fence, Self.harts, Self.reset, Self.console,
        Self.performance,
      ] + Array(0...9)
    func number() -> UInt64 {
      switch Int.random(in: 0..<4, using: &random) {
      case 0: UInt64.random(in: 0...8, using: &random)
      case 1: 0x8000_0000 &+ UInt64.random(in: 0...3 << 20, using: &random)
      case 2: 0 &- UInt64.random(in: 0...8, using: &random)
      default: random.next()
      }
    }
    for _ in 0..<5000 {
      let extensionID = extensions.randomElement(using: &random)!  // the list is not empty
      let outcome = call(
        host, extensionID, UInt64.random(in: 0...6, using: &random), number(), number(), number(),
        hart: Int.random(in: 0..<4, using: &random))
      if case .returns(let error, let value) = outcome, error != .success { #expect(value == 0) }
      // Of several counters the last one says how it went.
      if case .returns(let error, _) = outcome, error != .success, extensionID != Self.performance {
        #expect(host.takeEffects() == [])
      }
      _ = host.takeEffects()
    }
  }
}
