// SPDX-License-Identifier: Apache-2.0

import Emulator
import Testing

/// The PMU extension against what OpenSBI 1.6 answered on QEMU 10.0.13 (`-cpu rv64,pmu-mask=0`).
@Suite struct PerformanceCallsTests {
  private static let number: UInt64 = 0x50_4d55
  private static let all: UInt64 = 1 << 18 - 1

  /// Error and value.
  private func call(
    _ host: FirmwareTestHost, _ function: UInt64, _ a0: UInt64 = 0, _ a1: UInt64 = 0, _ a2: UInt64 = 0,
    _ a3: UInt64 = 0, hart: Int = 0
  ) -> [Int64] {
    let outcome = SupervisorBinaryInterface.handle(
      .init(extensionID: Self.number, functionID: function, arguments: (a0, a1, a2, a3, 0, 0)), hart: hart,
      host: host)
    guard case .returns(let error, let value) = outcome else { return [] }
    return [error.rawValue, Int64(bitPattern: value)]
  }

  private func setTimer(_ host: FirmwareTestHost, hart: Int = 0) {
    _ = SupervisorBinaryInterface.handle(
      .init(extensionID: 0x5449_4d45, functionID: 0, arguments: (.max, 0, 0, 0, 0, 0)), hart: hart, host: host
    )
  }

  @Test func tellsItsCounters() {
    let host = FirmwareTestHost()
    #expect(call(host, 0) == [0, 19])
    #expect(call(host, 1, 0) == [0, 0x3fc00])
    #expect(call(host, 1, 1) == [-3, 0])
    #expect(call(host, 1, 2) == [0, 0x3fc02])
    for counter: UInt64 in 3...18 {
      #expect(call(host, 1, counter) == [0, Int64(bitPattern: 0x8000_0000_0003_f000)])
    }
    for counter: UInt64 in [19, 37, .max] { #expect(call(host, 1, counter) == [-3, 0]) }
    #expect(call(host, 1, 1 << 32) == [0, 0x3fc00])
    #expect(call(host, 6, 3) == [0, 0])
    for function: UInt64 in [7, 8, 9] { #expect(call(host, function) == [-2, 0]) }
    for counter: UInt64 in [0, 1, 2, 3, 99] { #expect(call(host, 5, counter) == [-3, 0]) }
    #expect(host.takeEffects() == [])
  }

  @Test(
    arguments: [
      (0, all, 0, [-2, 0]), (0, all, 1, [0, 0]), (0, all, 2, [0, 2]), (0, all, 3, [-2, 0]),
      (0, all, 10, [-2, 0]), (0, all, 11, [-3, 0]), (0, 1 << 19 - 1, 1, [0, 0]), (0, 0, 1, [0, 0]),
      (0, 4, 1, [0, 0]), (2, 1, 1, [0, 0]), (19, 1, 1, [-3, 0]), (3, 1, 1, [-2, 0]),
      (0, 1 << 19, 1, [-3, 0]),
      (.max, 1, 1, [-3, 0]), (0, all, 0x10000, [-2, 0]), (0, all, 0x10019, [-2, 0]),
      (0, all, 0x10040, [-3, 0]),
      (0, all, 0x10006, [-3, 0]), (0, all, 0x20000, [-2, 0]), (0, all, 0x20001, [-3, 0]),
      (0, all, 0x30000, [-2, 0]), (0, all, 0x40000, [-3, 0]), (0, all, 0xe0000, [-3, 0]),
      (0, all, 0xf0000, [0, 3]), (0, all, 0xf0015, [0, 3]), (0, all, 0xf0016, [-3, 0]),
      (0, all, 0xf00ff, [-3, 0]), (0, all, 0xfffff, [-3, 0]), (0, 7, 0xf0005, [-2, 0]),
      // OpenSBI writes outside its table here, and dies.
      (5, 7, 0xf0005, [0, 5]),
    ] as [(UInt64, UInt64, UInt64, [Int64])])
  func choosesACounter(base: UInt64, mask: UInt64, event: UInt64, answer: [Int64]) {
    #expect(call(FirmwareTestHost(), 2, base, mask, 0, event) == answer)
  }

  @Test func choosesFirmwareCountersUntilThereAreNone() {
    let host = FirmwareTestHost()
    for event: UInt64 in 0..<15 {
      #expect(call(host, 2, 0, Self.all, 0, 0xf0000 + event) == [0, Int64(event) + 3])
    }
    #expect(call(host, 2, 0, Self.all, 0, 0xf000f) == [-2, 0])
    #expect(call(host, 4, 0, Self.all, 1) == [0, 0])
    #expect(call(host, 4, 0, Self.all, 1) == [-8, 0])
    #expect(call(host, 2, 0, Self.all, 0, 0xf000f) == [0, 3])
  }

  @Test func startsAndStopsTheHartsCounters() {
    let host = FirmwareTestHost()
    #expect(call(host, 4, 0, 7, 0) == [0, 0])
    #expect(host.takeEffects() == [.count(counter: 0, hart: 0, false), .count(counter: 2, hart: 0, false)])
    let steps: [(UInt64, UInt64, UInt64, UInt64, Int64)] = [
      (4, 0, 1, 0, -8), (4, 0, 2, 0, -3), (4, 0, 4, 0, -8), (4, 3, 1, 0, -3), (4, 19, 1, 0, -3),
      (4, 0, 0, 0, -3), (3, 3, 1, 0, -3), (3, 0, 1, 1, 0), (3, 0, 1, 1, -7), (4, 0, 1, 0, 0),
      (3, 0, 1, 2, -9), (3, 0, 1, 4, 0), (4, 0, 1, 2, -9), (4, 0, 1, 4, 0), (4, 0, 1, 1, -8), (3, 0, 5, 0, 0),
      (3, 0, 7, 0, -7), (3, 1, 1, 0, -3),
    ]
    for (index, step) in steps.enumerated() {
      #expect(call(host, step.0, step.1, step.2, step.3) == [step.4, 0], "step \(index)")
    }
    _ = host.takeEffects()
    #expect(call(host, 4, 0, 1) == [0, 0])
    #expect(call(host, 2, 0, Self.all, 6, 1, hart: 1) == [0, 0])
    #expect(call(host, 2, 2, 1, 1, 2) == [0, 2])
    #expect(call(host, 2, 3, 1, 1, 2) == [-3, 0])
    #expect(
      host.takeEffects() == [
        .count(counter: 0, hart: 0, false), .setCounter(counter: 0, hart: 1, 0),
        .count(counter: 0, hart: 1, true),
      ])
  }

  @Test func countsWhatItDoes() {
    let host = FirmwareTestHost()
    #expect(call(host, 2, 0, Self.all, 2, 0xf0005) == [0, 3])
    setTimer(host)
    #expect(call(host, 5, 3) == [0, 0])
    #expect(call(host, 3, 3, 1, 1, 7) == [0, 0])
    #expect(call(host, 3, 3, 1, 0) == [0, 0])
    setTimer(host)
    setTimer(host)
    setTimer(host, hart: 1)
    #expect(call(host, 5, 3) == [0, 9])
    #expect(call(host, 4, 3, 1) == [0, 0])
    setTimer(host)
    #expect(call(host, 5, 3) == [0, 9])
    #expect(call(host, 4, 3, 1, 1) == [0, 0])
    #expect(call(host, 5, 3) == [-3, 0])
    #expect(call(host, 2, 0, Self.all, 6, 0xf0005) == [0, 3])
    setTimer(host)
    #expect(call(host, 5, 3) == [0, 1])
    #expect(call(host, 2, 3, 1, 3, 0xf0005) == [0, 3])
    #expect(call(host, 5, 3) == [0, 0])
    // The first counter of an event alone counts.
    #expect(call(host, 2, 0, Self.all, 6, 0xf0005) == [0, 4])
    setTimer(host)
    #expect(call(host, 5, 3) == [0, 1])
    #expect(call(host, 5, 4) == [0, 0])
  }

  /// Of events 5 to 13, after an interrupt to itself, one fence of each kind and the legacy one of everything.
  @Test func countsInterruptsAndFences() {
    let counts: [Int64] = (5...13).map { (event: UInt64) in
      let host = FirmwareTestHost(startedHarts: [0])
      _ = call(host, 2, 0, Self.all, 6, 0xf0000 | event)
      func other(_ number: UInt64, _ function: UInt64, _ a0: UInt64) {
        _ = SupervisorBinaryInterface.handle(
          .init(extensionID: number, functionID: function, arguments: (a0, 0, 0x1000, 0x1000, 5, 0)), hart: 0,
          host: host)
      }
      other(0x73_5049, 0, 1)
      for function: UInt64 in 0...2 { other(0x5246_4e43, function, 1) }
      other(7, 0, 0)
      setTimer(host)
      return call(host, 5, 3)[1]
    }
    #expect(counts == [1, 1, 0, 1, 1, 1, 1, 2, 2])
  }
}
