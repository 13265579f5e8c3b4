// SPDX-License-Identifier: Apache-2.0

/// Looks for a pattern in a stream, byte by byte: what came in which pieces makes no difference, and nothing of it is kept.
///
/// States of the automaton that runs are made when they are first needed, each for a set of the pattern's nodes, and forgotten
/// when they become too many: the time for a byte is bounded, and usually one look into a table.
public struct PatternMatcher {
  private static let stateLimit = 1000
  private static let unknown: Int32 = -1
  private static let found: Int32 = -2

  /// Where the search stands: nodes that wait for a byte or for the end of a line, and whether a line begins here.
  private struct State: Hashable {
    var nodes: [Int32]
    var isLineStart: Bool
  }

  private let pattern: BytePattern
  private var states: [State] = []
  private var numbers: [State: Int32] = [:]
  /// By state and byte.
  private var transitions: [Int32] = []
  private var current: Int32 = 0
  private var marks: [Bool]

  public init(_ pattern: BytePattern) {
    self.pattern = pattern
    marks = Array(repeating: false, count: pattern.nodes.count)
    var nodes: [Int32] = []
    // Nothing matches the empty text, so no match is met here.
    _ = collect(pattern.start, isLineStart: true, into: &nodes)
    current = number(of: finish(nodes, isLineStart: true))
  }

  /// Takes the next byte of the stream. True when a match ends with it, or at the end of the line that it begins to end.
  public mutating func take(_ byte: UInt8) -> Bool {
    var next = transitions[Int(current) << 8 | Int(byte)]
    if next == Self.unknown { next = step(byte) }
    guard next != Self.found else { return true }
    current = next
    return false
  }

  private mutating func step(_ byte: UInt8) -> Int32 {
    let state = states[Int(current)]
    var from = state.nodes
    if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
      for node in state.nodes { marks[Int(node)] = true }
      defer { for node in from { marks[Int(node)] = false } }
      var index = 0
      while index < from.count {
        if case .lineEnd(let next) = pattern.nodes[Int(from[index])],
          collect(next, isLineStart: state.isLineStart, into: &from)
        {
          return remember(Self.found, byte)
        }
        index += 1
      }
    }
    let isLineStart = byte == UInt8(ascii: "\n")
    var nodes: [Int32] = []
    var isFound = collect(pattern.start, isLineStart: isLineStart, into: &nodes)
    for node in from {
      if case .bytes(let set, let next) = pattern.nodes[Int(node)], set.contains(byte) {
        isFound = collect(next, isLineStart: isLineStart, into: &nodes) || isFound
      }
    }
    let following = finish(nodes, isLineStart: isLineStart)
    return remember(isFound ? Self.found : number(of: following), byte)
  }

  /// Keeps where a byte leads from here, unless all states have been forgotten meanwhile.
  private mutating func remember(_ next: Int32, _ byte: UInt8) -> Int32 {
    if Int(current) < states.count { transitions[Int(current) << 8 | Int(byte)] = next }
    return next
  }

  /// Adds what is reached from a node without a byte, and answers whether a match is.
  private mutating func collect(_ start: Int, isLineStart: Bool, into nodes: inout [Int32]) -> Bool {
    var isFound = false
    var waiting = [start]
    while let number = waiting.popLast() {
      guard !marks[number] else { continue }
      marks[number] = true
      // All that is marked is kept until `finish`, which takes the marks away.
      nodes.append(Int32(number))
      switch pattern.nodes[number] {
      case .match: isFound = true
      case .split(let one, let other): waiting += [other, one]
      case .lineStart(let next): if isLineStart { waiting.append(next) }
      case .bytes, .lineEnd: break
      }
    }
    return isFound
  }

  private mutating func finish(_ nodes: [Int32], isLineStart: Bool) -> State {
    for node in nodes { marks[Int(node)] = false }
    let waiting = nodes.filter { node in
      switch pattern.nodes[Int(node)] {
      case .bytes, .lineEnd: true
      case .match, .split, .lineStart: false
      }
    }
    return State(nodes: waiting.sorted(), isLineStart: isLineStart)
  }

  private mutating func number(of state: State) -> Int32 {
    if let known = numbers[state] { return known }
    if states.count >= Self.stateLimit {
      states.removeAll()
      numbers.removeAll()
      transitions.removeAll()
      // The place that the search stood at is none any more.
      current = .max
    }
    let number = Int32(states.count)
    states.append(state)
    numbers[state] = number
    transitions += repeatElement(Self.unknown, count: 256)
    return number
  }
}
