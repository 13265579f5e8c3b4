// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Foundation
import Monitor
import TestSupport
import Testing

/// Reading and writing of JSON, held against Foundation's.
@Suite struct JSONTests {
  @Test func readsWhatThereIs() throws {
    let text =
      #" {"a": [1, -2, 18446744073709551615, 1.5, 1e3], "b": {"": null}, "c": true, "d": "x\n\u00e9\ud83d\ude00/\/"} "#
    #expect(
      try JSONParser.parse(text) == [
        "a": [1, -2, .unsigned(.max), .double(1.5), .double(1000)], "b": ["": .null], "c": true,
        "d": "x\né😀//",
      ])
    #expect(try JSONParser.parse("\"\u{2028}\"") == "\u{2028}")
  }

  @Test(arguments: [
    "", " ", "{", "}", "[1,]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "'a'", "\"", "\"\\x\"",
    "\"\\u12\"",
    "\"\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\u{1}\"", "01", "-", "+1", "1.",
    ".5", "1e", "1e+",
    "0x10", "1e999", "nul", "truefalse", "1 1", "NaN", "Infinity", "[\"\u{0}\"]", "--1", "-01",
  ]) func refusesWhatIsNone(text: String) {
    #expect(throws: JSONError.self) { try JSONParser.parse(text) }
  }

  @Test func refusesBytesThatAreNoText() {
    for bytes in [
      [0x22, 0xff, 0x22], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [0xef, 0xbb, 0xbf, 0x31],
    ] as [[UInt8]] {
      #expect(throws: JSONError.self) { try JSONParser.parse(bytes[...]) }
    }
  }

  /// A stack that is as deep as a stranger likes would end the process.
  @Test func boundsTheDepth() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try JSONParser.parse(nested(JSONParser.depthLimit))
    #expect(throws: JSONError.self) { try JSONParser.parse(nested(JSONParser.depthLimit + 1)) }
    #expect(throws: JSONError.self) { try JSONParser.parse(String(repeating: "[", count: 1_000_000)) }
    #expect(throws: JSONError.self) { try JSONParser.parse(String(repeating: "{\"a\":", count: 1_000_000)) }
  }

  @Test func whatIsWrittenReadsTheSame() throws {
    for seed in 0..<300 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let value = Self.value(3, &generator)
      #expect(try JSONParser.parse(value.text) == value, "seed \(seed)")
      #expect(value.text.utf8.allSatisfy { $0 < 0x80 }, "seed \(seed)")
      let foundation = try JSONSerialization.jsonObject(
        with: Data(value.text.utf8), options: .fragmentsAllowed)
      #expect(Self.isSame(value, foundation), "seed \(seed): \(value.text)")
    }
  }

  /// Damaged texts: this reader takes no more than Foundation's, and never breaks down.
  @Test func takesNoMoreThanFoundation() throws {
    for seed in 0..<3000 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      var bytes = Array(Self.value(3, &generator).text.utf8)
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let place = Int.random(in: 0...bytes.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: bytes.insert(Self.oddBytes.randomElement(using: &generator)!, at: place)
        case 1 where place < bytes.count: bytes.remove(at: place)
        default: if place < bytes.count { bytes[place] = UInt8.random(in: 0...255, using: &generator) }
        }
      }
      guard let value = try? JSONParser.parse(bytes[...]) else { continue }
      let foundation = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
      #expect(
        foundation.map { Self.isSame(value, $0) } == true,
        "seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
    }
  }

  // MARK: The framer

  /// However the stream is cut, the same values come out.
  @Test func framesDoNotDependOnPackets() throws {
    for seed in 0..<200 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let values = (0..<5).map { _ in JSONValue.object([.init("k", Self.value(2, &generator))]) }
      let separators = ["", "\n", "\r\n", " ", "\n\n"]
      let stream = values.flatMap { Array(($0.text + separators.randomElement(using: &generator)!).utf8) }
      var framer = JSONFramer()
      var found: [JSONValue] = []
      var rest = stream[...]
      while !rest.isEmpty {
        let count = min(rest.count, Int.random(in: 1...40, using: &generator))
        for case .text(let text) in framer.feed(rest.prefix(count)) {
          found.append(try JSONParser.parse(text[...]))
        }
        rest = rest.dropFirst(count)
      }
      #expect(found == values, "seed \(seed)")
    }
  }

  @Test func refusesWhatIsTooMuchOnceAndRecovers() {
    for flood in ["[", "{\"a\":", "\"", "{\"a\": \"xxxxxxxx"] {
      var framer = JSONFramer()
      var refusals = 0
      for _ in 0..<(3 * JSONFramer.sizeLimit / flood.utf8.count) {
        for item in framer.feed(flood.utf8) {
          guard case .refused = item else {
            Issue.record("\(item)")
            continue
          }
          refusals += 1
        }
      }
      #expect(refusals == 1, "\(flood)")
      #expect(framer.feed("\n{}".utf8) == [.text(Array("{}".utf8))])
    }
  }

  @Test func aStringEndsWithItsLine() {
    var framer = JSONFramer()
    let items = framer.feed("{\"execute\": \"stop\n{\"b\": 1}\n".utf8)
    #expect(items.count == 2)
    #expect(items.last == .text(Array("{\"b\": 1}".utf8)))
  }

  // MARK: Random values

  private static let oddBytes = Array("{}[]\",:\\0-+eE.tfnu\n \u{1}".utf8) + [0xff, 0x80, 0xc3, 0xed]

  private static func value(_ depth: Int, _ generator: inout SeededGenerator) -> JSONValue {
    switch Int.random(in: 0..<(depth == 0 ? 6 : 8), using: &generator) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &generator))
    case 2: return .integer(Int64.random(in: .min ... .max, using: &generator))
    case 3: return .unsigned(UInt64.random(in: (1 << 63)...UInt64.max, using: &generator))
    case 4: return .double(Double.random(in: -1e20...1e20, using: &generator) + 0.5e-3)
    case 5: return .string(text(&generator))
    case 6:
      return .array((0..<Int.random(in: 0..<4, using: &generator)).map { _ in value(depth - 1, &generator) })
    default:
      return .object(
        (0..<Int.random(in: 0..<4, using: &generator)).map {
          .init("\($0)" + text(&generator), value(depth - 1, &generator))
        })
    }
  }

  private static func text(_ generator: inout SeededGenerator) -> String {
    let scalars: [Unicode.Scalar] = [
      "a", "\"", "\\", "\n", "\t", "\u{0}", "\u{1f}", "é", "\u{7f}", "\u{ffff}", "😀", "/", "{",
    ]
    return String(
      String.UnicodeScalarView(
        (0..<Int.random(in: 0..<6, using: &generator)).map { _ in scalars.randomElement(using: &generator)! })
    )
  }

  private static func isSame(_ value: JSONValue, _ other: Any) -> Bool {
    switch value {
    case .null: return other is NSNull
    case .bool(let flag): return (other as? Bool) == flag
    case .integer(let number): return (other as? NSNumber)?.int64Value == number
    case .unsigned(let number): return (other as? NSNumber)?.uint64Value == number
    // Foundation reads some numbers through decimals, and is off by a bit.
    case .double(let number):
      return (other as? NSNumber).map { abs($0.doubleValue - number) <= abs(number) * 1e-14 } ?? false
    case .string(let text):
      return (other as? String).map { Array($0.unicodeScalars) } == Array(text.unicodeScalars)
    case .array(let values):
      guard let others = other as? [Any], others.count == values.count else { return false }
      return zip(values, others).allSatisfy { isSame($0, $1) }
    case .object(let members):
      guard let others = other as? [String: Any] else { return false }
      return members.allSatisfy { member in
        others.first { Array($0.key.unicodeScalars) == Array(member.name.unicodeScalars) }.map {
          isSame(value[member.name] ?? .null, $0.value)
        } ?? false
      }
    }
  }
}
