// SPDX-License-Identifier: Apache-2.0

/// What is wrong with a regular expression, in a few words.
public struct PatternProblem: Error, Equatable, Sendable {
  public let text: String

  init(_ text: String) { self.text = text }
}

/// A regular expression over bytes, as extended ones of grep are with some of Perl's: compiled to an automaton, so that looking for it
/// takes a bounded time a byte, whatever the expression and the text are.
///
/// `^` and `$` are the start and the end of a line. In a pattern `\n` stands for a line's end with any carriage returns
/// before it: that is how serial consoles end their lines.
public struct BytePattern: Sendable, Equatable {
  /// States that an expression may have: a repetition repeats them.
  static let nodeLimit = 20_000

  enum Node: Equatable {
    case bytes(ByteSet, next: Int)
    case split(Int, Int)
    case lineStart(next: Int)
    case lineEnd(next: Int)
    case match
  }

  public let text: String
  let nodes: [Node]
  let start: Int

  /// Refuses what is no expression, and one that the empty text matches: it would be found before anything is said.
  public init(_ text: String) throws(PatternProblem) {
    self.text = text
    var parser = PatternParser(text)
    let expression = try parser.parse()
    guard expression.nodeCount < Self.nodeLimit else {
      throw PatternProblem("it is too large: its repetitions multiply")
    }
    var nodes = [Node.match]
    start = Self.compile(expression, to: 0, &nodes)
    self.nodes = nodes
    guard !Self.matchesNothing(nodes, from: start) else {
      throw PatternProblem("nothing at all matches it as well")
    }
  }

  /// Compiles what goes on at the node `next`; the node to begin at.
  private static func compile(_ expression: PatternExpression, to next: Int, _ nodes: inout [Node]) -> Int {
    func add(_ node: Node) -> Int {
      nodes.append(node)
      return nodes.count - 1
    }
    switch expression {
    case .empty: return next
    case .bytes(let set): return add(.bytes(set, next: next))
    case .lineStart: return add(.lineStart(next: next))
    case .lineEnd: return add(.lineEnd(next: next))
    case .sequence(let parts):
      return parts.reversed().reduce(next) { compile($1, to: $0, &nodes) }
    case .choice(let first, let second):
      let (one, other) = (compile(first, to: next, &nodes), compile(second, to: next, &nodes))
      return add(.split(one, other))
    case .repeated(let part, let least, let most):
      var start = next
      if let most {
        for _ in least..<max(least, most) { start = add(.split(compile(part, to: start, &nodes), next)) }
      } else {
        // The loop's head is known before its body.
        start = add(.split(next, next))
        nodes[start] = .split(compile(part, to: start, &nodes), next)
      }
      for _ in 0..<least { start = compile(part, to: start, &nodes) }
      return start
    }
  }

  /// Whether the match can be reached without a byte, and without the end of a line, which is one.
  private static func matchesNothing(_ nodes: [Node], from start: Int) -> Bool {
    var seen = Set<Int>()
    var waiting = [start]
    while let number = waiting.popLast() {
      guard seen.insert(number).inserted else { continue }
      switch nodes[number] {
      case .match: return true
      case .split(let one, let other): waiting += [one, other]
      case .lineStart(let next): waiting.append(next)
      case .bytes, .lineEnd: break
      }
    }
    return false
  }
}

/// A set of bytes.
struct ByteSet: Equatable, Sendable {
  private var words: SIMD4<UInt64> = .zero

  init() {}

  init(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { insert(byte) }
  }

  mutating func insert(_ byte: UInt8) { words[Int(byte >> 6)] |= 1 << UInt64(byte & 63) }
  func contains(_ byte: UInt8) -> Bool { words[Int(byte >> 6)] >> UInt64(byte & 63) & 1 != 0 }
  mutating func formUnion(_ other: ByteSet) { words |= other.words }

  var inverted: ByteSet {
    var set = self
    set.words = ~words
    return set
  }

  /// With each letter of ASCII in both cases.
  var ignoringCase: ByteSet {
    var set = self
    for upper in UInt8(ascii: "A")...UInt8(ascii: "Z") {
      if contains(upper) || contains(upper | 0x20) {
        set.insert(upper)
        set.insert(upper | 0x20)
      }
    }
    return set
  }
}
