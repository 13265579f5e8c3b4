// SPDX-License-Identifier: Apache-2.0

import GDBRemote
import Testing

/// Conditions, seen through breakpoints that have them: the expression is the address's condition.
@Suite struct AgentExpressionTests {
  /// Whether a breakpoint with this condition stops; the register t0 is 5, and memory at 0x1000 holds 1, 2, 3, and so on.
  private func stops(_ code: [UInt8]) -> Bool {
    let target = FakeTarget()
    target.memory = (0..<4096).map { UInt8(truncatingIfNeeded: $0 + 1) }
    let digits = code.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    _ = replies(["Z0,10d0,2;X\(String(code.count, radix: 16)),\(digits)", "c"], from: target)
    return target.position == 52
  }

  /// `code` leaves `value`.
  private func expect(_ code: [UInt8], is value: UInt64, sourceLocation: SourceLocation = #_sourceLocation) {
    let bytes = (0..<8).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    #expect(stops(code + [0x25] + bytes + [0x13, 0x27]), sourceLocation: sourceLocation)
    // And nothing else: its complement does not stop.
    #expect(!stops(code + [0x12, 0x25] + bytes + [0x13, 0x27]), sourceLocation: sourceLocation)
  }

  private func constant(_ value: UInt8) -> [UInt8] { [0x22, value] }
  private var minusSeven: [UInt8] { constant(0xf9) + [0x16, 8] }

  @Test func arithmetic() {
    expect(constant(7) + constant(5) + [0x02], is: 12)
    expect(constant(5) + constant(7) + [0x03], is: UInt64(bitPattern: -2))
    expect(constant(7) + constant(5) + [0x04], is: 35)
    expect(minusSeven + constant(2) + [0x05], is: UInt64(bitPattern: -3))
    expect(minusSeven + constant(2) + [0x06], is: UInt64(bitPattern: -7) / 2)
    expect(minusSeven + constant(4) + [0x07], is: UInt64(bitPattern: -3))
    expect(constant(23) + constant(7) + [0x08], is: 2)
    expect(constant(1) + constant(70) + [0x09], is: 0)
    expect(minusSeven + constant(1) + [0x0a], is: UInt64(bitPattern: -4))
    expect(minusSeven + constant(60) + [0x0b], is: 15)
  }

  @Test func logicAndComparison() {
    expect(constant(0) + [0x0e], is: 1)
    expect(constant(9) + [0x0e], is: 0)
    expect(constant(12) + constant(10) + [0x0f], is: 8)
    expect(constant(12) + constant(10) + [0x10], is: 14)
    expect(constant(12) + constant(10) + [0x11], is: 6)
    expect(minusSeven + constant(2) + [0x14], is: 1)
    expect(minusSeven + constant(2) + [0x15], is: 0)
    expect(minusSeven + [0x2a, 8], is: 0xf9)
    expect(minusSeven + [0x2a, 64], is: UInt64(bitPattern: -7))
  }

  @Test func memoryAndRegisters() {
    expect([0x23, 0x10, 0x00, 0x17], is: 1)
    expect([0x23, 0x10, 0x00, 0x18], is: 0x201)
    expect([0x23, 0x10, 0x00, 0x19], is: 0x0403_0201)
    expect([0x24, 0, 0, 0x10, 0x01, 0x1a], is: 0x0908_0706_0504_0302)
    expect([0x26, 0, 5], is: 5)
  }

  @Test func stackAndJumps() {
    expect(constant(1) + constant(2) + [0x2b, 0x03], is: 1)
    expect(constant(4) + [0x28, 0x04], is: 16)
    expect(constant(1) + constant(2) + [0x29], is: 1)
    expect(constant(9) + constant(1) + [0x32, 1, 0x02], is: 10)
    // a b c becomes c a b: 1 2 3 -> 3 1 2; then 1 - 2 and 3 - that.
    expect(constant(1) + constant(2) + constant(3) + [0x33, 0x03, 0x03], is: 4)
    // if_goto over a constant.
    expect(constant(1) + [0x20, 0, 7] + constant(8) + constant(6), is: 6)
    expect([0x21, 0, 5] + constant(8) + constant(6), is: 6)
  }

  /// What cannot be worked out stops, so that gdb decides; and it ends.
  @Test func badCodeStops() {
    for code: [UInt8] in [
      [], [0x02, 0x27], [0x22], [0x21, 0, 0], [0x21, 0xff, 0xff], constant(1) + constant(0) + [0x05, 0x27],
      constant(1) + constant(0) + [0x08, 0x27], [0xff, 0x27], [0x22, 0, 0x1a, 0x27], [0x32, 200, 0x27],
      [0x22, 1, 0x21, 0, 0], [0x27],
    ] {
      #expect(stops(code), "\(code)")
    }
    // The most negative number by -1 overflows, and is itself.
    expect(constant(1) + constant(63) + [0x09] + constant(0xff) + [0x16, 8, 0x05], is: 1 << 63)
  }
}
