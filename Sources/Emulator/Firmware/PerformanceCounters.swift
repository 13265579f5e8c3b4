// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// What the built-in SBI keeps for a hart of its performance counters (SBI 2.0, chapter 11): which counts what, and those of the firmware
/// itself. The hart has the others, `cycle` and `instret`.
package struct PerformanceCounters: Equatable, Sendable {
  /// Numbers 0 to 2: `cycle`, `time`, which is no such counter, and `instret`.
  package static let hardwareCount = 3
  package static let firmwareCount = 16
  package static let count = hardwareCount + firmwareCount
  /// No event's number.
  package static let noEvent: UInt32 = .max

  /// The number of the event that each counter counts, or `noEvent`.
  package var events: [UInt32]
  /// A bit for each firmware counter that counts.
  package var started: UInt16 = 0
  /// Of the firmware counters.
  package var values = [UInt64](repeating: 0, count: firmwareCount)

  package init() {
    // cycle and instret count from the start.
    events = [1, Self.noEvent, 2] + [UInt32](repeating: Self.noEvent, count: Self.firmwareCount)
  }

  /// What firmware counters can count (section 11.3) and this firmware does. The others stay at zero: nothing traps to it.
  package enum Event: UInt32 {
    case setTimer = 5
    case interruptSent = 6
    case interruptReceived = 7
    case fenceSent = 8
    case fenceReceived = 9
    case translationFenceSent = 10
    case translationFenceReceived = 11
    case addressSpaceFenceSent = 12
    case addressSpaceFenceReceived = 13
  }

  /// The first counter for it goes one up.
  package mutating func count(_ event: Event) {
    guard started != 0 else { return }
    for index in 0..<Self.firmwareCount
    where started >> UInt16(index) & 1 != 0
      && events[Self.hardwareCount + index] == 0xf_0000 | event.rawValue
    {
      values[index] &+= 1
      return
    }
  }

  func save(to writer: inout ByteWriter) {
    for event in events { writer.uint32(event) }
    writer.uint16(started)
    for value in values { writer.uint64(value) }
  }

  /// Any numbers are harmless: an event that does not exist is never counted.
  mutating func restore(from reader: inout ByteReader) throws(ByteCodingError) {
    for index in events.indices { events[index] = try reader.uint32() }
    started = try reader.uint16()
    for index in values.indices { values[index] = try reader.uint64() }
  }
}
