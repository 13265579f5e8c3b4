// SPDX-License-Identifier: Apache-2.0

import HostSystem
import RecordingStore
import Testing

@Suite struct PositionExpressionTests {
  @Test(
    arguments: [
      ("1234567", .absolute(1_234_567)), ("1_234_567", .absolute(1_234_567)),
      ("1,234,567", .absolute(1_234_567)),
      ("+10", .forward(10)), ("-1_000", .backward(1000)), ("50%", .fraction(millionths: 500_000)),
      ("12.5%", .fraction(millionths: 125_000)), ("100%", .fraction(millionths: 1_000_000)),
      ("event:7", .event(7)), ("+5M", .forward(5_000_000)), ("-2G", .backward(2_000_000_000)),
      ("5M", .absolute(5_000_000)),
      ("start", .start), ("end", .end), ("before-bug", .snapshot("before-bug")),
      ("18446744073709551615", .absolute(.max)),
    ] as [(String, PositionExpression)])
  func isRead(text: String, expected: PositionExpression) {
    #expect(PositionExpression(text) == expected)
  }

  @Test(arguments: [
    "", "1__0", "_1", "1_", "1,", "+", "-", "%", "101%", "100.1%", "1.23456%", "event:", "event:x", "--1",
    "+-1",
    "18446744073709551616", "a b", "5x", "../x", "1.5", "+5m", "-M", "+99999999999G",
  ])
  func isRefused(text: String) {
    #expect(PositionExpression(text) == nil)
  }

  private func context(current: UInt64?) -> PositionExpression.Context {
    PositionExpression.Context(
      current: current, end: 1000, event: { $0 == 3 ? 30 : nil }, snapshot: { $0 == "here" ? 400 : nil })
  }

  @Test func isWorkedOut() throws {
    #expect(try PositionExpression.forward(10).resolve(in: context(current: 5)) == 15)
    #expect(try PositionExpression.forward(10).resolve(in: context(current: nil)) == 10)
    #expect(try PositionExpression.backward(10).resolve(in: context(current: nil)) == 990)
    #expect(try PositionExpression.backward(5).resolve(in: context(current: 5)) == 0)
    #expect(try PositionExpression.fraction(millionths: 333_333).resolve(in: context(current: nil)) == 333)
    #expect(try PositionExpression.event(3).resolve(in: context(current: nil)) == 30)
    #expect(try PositionExpression.snapshot("here").resolve(in: context(current: nil)) == 400)
    #expect(try PositionExpression.end.resolve(in: context(current: nil)) == 1000)
  }

  @Test(
    arguments: [
      .forward(1000), .forward(.max), .backward(6), .absolute(1001), .event(4), .snapshot("there"),
    ] as [PositionExpression])
  func outsideIsRefused(expression: PositionExpression) {
    #expect(throws: Failure.self) { try expression.resolve(in: context(current: 5)) }
  }
}
