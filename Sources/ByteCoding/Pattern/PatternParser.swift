// SPDX-License-Identifier: Apache-2.0

/// What a regular expression says.
indirect enum PatternExpression {
  case empty
  case bytes(ByteSet)
  case lineStart
  case lineEnd
  case sequence([PatternExpression])
  case choice(PatternExpression, PatternExpression)
  case repeated(PatternExpression, least: Int, most: Int?)

  /// So many nodes its automaton has at least, saturating far above all limits.
  var nodeCount: Int {
    switch self {
    case .empty: 0
    case .bytes, .lineStart, .lineEnd: 1
    case .sequence(let parts): parts.reduce(0) { min($0 + $1.nodeCount, 1 << 30) }
    case .choice(let one, let other): min(one.nodeCount + other.nodeCount + 1, 1 << 30)
    case .repeated(let part, let least, let most):
      min((part.nodeCount + 1) * max(1, least, most ?? least + 1), 1 << 30)
    }
  }
}

/// Reads a regular expression, by characters; a character is the bytes of its UTF-8.
struct PatternParser {
  private static let repetitionLimit = 1000
  private static let depthLimit = 200
  private static let lengthLimit = 4096

  private var rest: ArraySlice<Unicode.Scalar>
  private let length: Int
  private var ignoresCase = false
  private var depth = 0

  init(_ text: String) {
    let scalars = Array(text.unicodeScalars)
    rest = scalars[...]
    length = scalars.count
  }

  mutating func parse() throws(PatternProblem) -> PatternExpression {
    guard length > 0 else { throw PatternProblem("it is empty") }
    guard length <= Self.lengthLimit else { throw PatternProblem("it is too long") }
    if rest.starts(with: "(?i)".unicodeScalars) {
      rest = rest.dropFirst(4)
      ignoresCase = true
    }
    let expression = try choice()
    guard rest.isEmpty else { throw PatternProblem("')' closes nothing") }
    return expression
  }

  private mutating func choice() throws(PatternProblem) -> PatternExpression {
    var expression = try sequence()
    while rest.first == "|" {
      rest.removeFirst()
      expression = .choice(expression, try sequence())
    }
    return expression
  }

  private mutating func sequence() throws(PatternProblem) -> PatternExpression {
    var parts: [PatternExpression] = []
    while let next = rest.first, next != "|", next != ")" { parts.append(try repeated()) }
    return parts.count == 1 ? parts[0] : parts.isEmpty ? .empty : .sequence(parts)
  }

  private mutating func repeated() throws(PatternProblem) -> PatternExpression {
    var expression = try atom()
    while let next = rest.first {
      let bounds: (least: Int, most: Int?)?
      switch next {
      case "*": bounds = (0, nil)
      case "+": bounds = (1, nil)
      case "?": bounds = (0, 1)
      case "{": bounds = try braces()
      default: bounds = nil
      }
      guard let bounds else { return expression }
      if next != "{" { rest.removeFirst() }
      // The first byte that ends a match ends the search: more or less of it is the same.
      if rest.first == "?" { rest.removeFirst() }
      expression = .repeated(expression, least: bounds.least, most: bounds.most)
      guard expression.nodeCount < BytePattern.nodeLimit else {
        throw PatternProblem("it is too large: its repetitions multiply")
      }
    }
    return expression
  }

  /// `{2}`, `{2,}` or `{2,5}`; nil, and nothing is taken, when it is a brace like any character.
  private mutating func braces() throws(PatternProblem) -> (least: Int, most: Int?)? {
    guard let end = rest.firstIndex(of: "}") else { return nil }
    let inner = rest[(rest.startIndex + 1)..<end]
    let parts = inner.split(separator: ",", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), inner.contains(where: { $0.isDigit }),
      inner.allSatisfy({ $0.isDigit || $0 == "," }), !parts[0].isEmpty
    else { return nil }
    rest = rest[(end + 1)...]
    var numbers: [Int?] = []
    for part in parts {
      if part.isEmpty {
        numbers.append(nil)
        continue
      }
      guard part.count <= 4, let number = Int(String(String.UnicodeScalarView(part))),
        number <= Self.repetitionLimit
      else { throw PatternProblem("more than \(Self.repetitionLimit) repetitions") }
      numbers.append(number)
    }
    let least = numbers[0] ?? 0
    let most = numbers.count == 1 ? least : numbers[1]
    if let most, most < least { throw PatternProblem("{\(least),\(most)} ends before it begins") }
    return (least, most)
  }

  private mutating func atom() throws(PatternProblem) -> PatternExpression {
    let character = rest.removeFirst()
    switch character {
    case "(": return try group()
    case "[": return .bytes(try bracket())
    case "^": return .lineStart
    case "$": return .lineEnd
    case ".": return .bytes(ByteSet([UInt8(ascii: "\n")]).inverted)
    case "*", "+", "?": throw PatternProblem("there is nothing for '\(character)' to repeat")
    case "\\":
      switch try escape() {
      case .lineEnd:
        return .sequence([
          .repeated(.bytes(ByteSet([UInt8(ascii: "\r")])), least: 0, most: nil),
          .bytes(ByteSet([UInt8(ascii: "\n")])),
        ])
      case .bytes(let set): return .bytes(set)
      case .character(let character): return literal(character)
      }
    default: return literal(character)
    }
  }

  private func literal(_ character: Unicode.Scalar) -> PatternExpression {
    let bytes = Array(String(character).utf8)
    let sets = bytes.map { byte in
      PatternExpression.bytes(ignoresCase ? ByteSet([byte]).ignoringCase : ByteSet([byte]))
    }
    return sets.count == 1 ? sets[0] : .sequence(sets)
  }

  private mutating func group() throws(PatternProblem) -> PatternExpression {
    if rest.first == "?" {
      guard rest.dropFirst().first == ":" else {
        throw PatternProblem("of groups with (? there is (?:...), and (?i) at the start")
      }
      rest = rest.dropFirst(2)
    }
    depth += 1
    guard depth <= Self.depthLimit else { throw PatternProblem("its groups are too deep") }
    let expression = try choice()
    depth -= 1
    guard rest.popFirst() == ")" else { throw PatternProblem("'(' is not closed") }
    return expression
  }

  // MARK: Sets

  private enum Escape {
    case character(Unicode.Scalar)
    case bytes(ByteSet)
    case lineEnd
  }

  /// What stands behind a backslash.
  private mutating func escape() throws(PatternProblem) -> Escape {
    guard let character = rest.popFirst() else {
      throw PatternProblem("nothing follows the backslash at its end")
    }
    switch character {
    case "n": return .lineEnd
    case "r": return .bytes(ByteSet([0x0d]))
    case "t": return .bytes(ByteSet([0x09]))
    case "e": return .bytes(ByteSet([0x1b]))
    case "f": return .bytes(ByteSet([0x0c]))
    case "x":
      let digits = rest.prefix(2)
      guard digits.count == 2, digits.allSatisfy({ $0.isASCII && $0.properties.isASCIIHexDigit }),
        let byte = UInt8(String(String.UnicodeScalarView(digits)), radix: 16)
      else { throw PatternProblem("\\x wants two hexadecimal digits") }
      rest = rest.dropFirst(2)
      return .bytes(ByteSet([byte]))
    case "d", "D", "w", "W", "s", "S":
      // The names are all there.
      let names: [Unicode.Scalar: String] = ["d": "digit", "w": "word", "s": "space"]
      let small = Unicode.Scalar(UInt8(character.value) | 0x20)
      let set = Self.named(names[small] ?? "") ?? ByteSet()
      return .bytes(character == small ? set : set.inverted)
    default:
      guard !character.isASCII || !(character.properties.isAlphabetic || character.isDigit) else {
        throw PatternProblem("\\\(character) is not known here")
      }
      return .character(character)
    }
  }

  private static func named(_ name: String) -> ByteSet? {
    let upper = UInt8(ascii: "A")...UInt8(ascii: "Z")
    let lower = UInt8(ascii: "a")...UInt8(ascii: "z")
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    switch name {
    case "alpha": return ByteSet(Array(upper) + Array(lower))
    case "digit": return ByteSet(digits)
    case "alnum": return ByteSet(Array(upper) + Array(lower) + Array(digits))
    case "word": return ByteSet(Array(upper) + Array(lower) + Array(digits) + [UInt8(ascii: "_")])
    case "upper": return ByteSet(upper)
    case "lower": return ByteSet(lower)
    case "space": return ByteSet([0x20, 0x09, 0x0a, 0x0b, 0x0c, 0x0d])
    case "blank": return ByteSet([0x20, 0x09])
    case "cntrl": return ByteSet(Array(0...0x1f) + [0x7f])
    case "xdigit": return ByteSet(Array("0123456789abcdefABCDEF".utf8))
    case "print": return ByteSet(0x20...0x7e)
    case "graph": return ByteSet(0x21...0x7e)
    case "punct": return ByteSet((UInt8(0x21)...0x7e).filter { !Unicode.Scalar($0).isLetterOrDigit })
    default: return nil
    }
  }

  /// What stands between brackets, the first of which has been taken.
  private mutating func bracket() throws(PatternProblem) -> ByteSet {
    let open = PatternProblem("'[' is not closed")
    var set = ByteSet()
    var isInverted = false
    if rest.first == "^" {
      rest.removeFirst()
      isInverted = true
    }
    var isFirst = true
    while true {
      guard let character = rest.popFirst() else { throw open }
      if character == "]", !isFirst { break }
      isFirst = false
      if character == "[", rest.first == ":" {
        guard let end = rest.firstIndex(of: "]"), rest[end - 1] == ":", end > rest.startIndex + 1 else {
          throw open
        }
        let name = String(String.UnicodeScalarView(rest[(rest.startIndex + 1)..<(end - 1)]))
        guard name != "word", let named = Self.named(name) else {
          throw PatternProblem("there are no characters [:\(name):]")
        }
        set.formUnion(named)
        rest = rest[(end + 1)...]
        continue
      }
      guard let first = try member(character, &set) else { continue }
      guard rest.first == "-", let last = rest.dropFirst().first, last != "]" else {
        set.insert(first)
        continue
      }
      rest = rest.dropFirst(2)
      guard let end = try member(last, &set), end >= first else {
        throw PatternProblem("a range of characters ends before it begins")
      }
      set.formUnion(ByteSet(first...end))
    }
    if ignoresCase { set = set.ignoringCase }
    return isInverted ? set.inverted : set
  }

  /// One character between brackets; nil for an escape that stands for several, which `set` has then.
  private mutating func member(
    _ character: Unicode.Scalar, _ set: inout ByteSet
  ) throws(PatternProblem) -> UInt8? {
    guard character == "\\" else {
      guard character.isASCII else {
        throw PatternProblem("between brackets stand characters of ASCII; give (\(character)|...)")
      }
      return UInt8(character.value)
    }
    switch try escape() {
    case .character(let character) where character.isASCII: return UInt8(character.value)
    case .character(let character):
      throw PatternProblem("between brackets stand characters of ASCII; give (\(character)|...)")
    case .lineEnd: return UInt8(ascii: "\n")
    case .bytes(let several):
      set.formUnion(several)
      return nil
    }
  }
}

extension Unicode.Scalar {
  fileprivate var isDigit: Bool { ("0"..."9").contains(self) }
  fileprivate var isLetterOrDigit: Bool {
    isDigit || ("a"..."z").contains(self) || ("A"..."Z").contains(self)
  }
}
