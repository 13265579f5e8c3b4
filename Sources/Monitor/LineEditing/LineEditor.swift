// SPDX-License-Identifier: Apache-2.0

/// Edits a line on a terminal: takes the bytes of keys, answers what to write to the terminal and what the user wants.
///
/// It knows no terminal: whoever has one hands on bytes, and carries out the actions in their order. The line is shown in
/// one row, scrolled sideways when it is longer.
public struct LineEditor {
  public enum Action: Equatable, Sendable {
    case write(String)
    /// The user has finished this line.
    case line(String)
    /// The user wants what stands before the cursor completed: answer with `complete`.
    case complete(String)
    /// Ctrl-C: the line is given up.
    case interrupt
    /// Ctrl-D on an empty line.
    case end
  }

  private enum Key: Equatable {
    case character(Character)
    case enter, backspace, delete, tab, left, right, up, down, home, end
    case wordLeft, wordRight
    case control(Character)
  }

  /// Characters that a line may have.
  static let lineLimit = 4096
  static let historyLimit = 500

  private let prompt: String
  /// Columns of the terminal.
  public var width = 80
  private var text: [Character] = []
  private var cursor = 0
  private var killed: [Character] = []
  private var history: [String] = []
  /// Where in the history the user is; its count for the line that is being written, kept in `draft` meanwhile.
  private var place = 0
  private var draft: [Character] = []
  private var decoder = KeyDecoder()
  /// Bytes that came behind a wish for completion, which must be answered first.
  private var pending: [UInt8] = []
  private var awaitsCompletion = false

  public init(prompt: String) { self.prompt = prompt }

  /// Shows the prompt and what has been typed.
  public func begin() -> [Action] { [.write(row)] }

  /// Takes bytes from the terminal. Bytes behind a finished line belong to the next one.
  public mutating func feed(_ bytes: some Sequence<UInt8>) -> [Action] {
    pending += bytes
    return takePending()
  }

  private mutating func takePending() -> [Action] {
    var actions: [Action] = []
    var taken = 0
    while taken < pending.count, !awaitsCompletion {
      if let key = decoder.take(pending[taken]) { press(key, &actions) }
      taken += 1
    }
    pending.removeFirst(taken)
    return actions
  }

  /// Continues after `Action.complete`, which waits for this: puts in what all candidates have in common, or lists them.
  public mutating func complete(_ completion: Completion) -> [Action] {
    awaitsCompletion = false
    return insert(completion) + takePending()
  }

  private mutating func insert(_ completion: Completion) -> [Action] {
    guard completion.start <= cursor, let first = completion.candidates.first else { return [] }
    let word = String(text[completion.start..<cursor])
    var common = first[...]
    for candidate in completion.candidates.dropFirst() { common = common.commonPrefix(with: candidate) }
    if common.count > word.count, common.hasPrefix(word) {
      insert(common.dropFirst(word.count))
      return [.write(row)]
    }
    guard completion.candidates.count > 1 else { return [] }
    return [.write("\r\n" + columns(completion.candidates) + row)]
  }

  // MARK: Keys

  private mutating func press(_ key: Key, _ actions: inout [Action]) {
    switch key {
    case .enter: return finish(&actions)
    case .tab:
      awaitsCompletion = true
      actions.append(.complete(String(text[..<cursor])))
      return
    case .control("c"):
      actions += [.write("^C\r\n"), .interrupt]
      clear()
    case .control("d") where text.isEmpty:
      actions += [.write("\r\n"), .end]
      return
    case .control("l"): actions.append(.write("\u{1b}[H\u{1b}[2J"))
    case .character(let character): insert([character])
    case .backspace, .control("h"):
      guard cursor > 0 else { return }
      cursor -= 1
      text.remove(at: cursor)
    case .delete, .control("d"):
      guard cursor < text.count else { return }
      text.remove(at: cursor)
    case .left, .control("b"): cursor = max(0, cursor - 1)
    case .right, .control("f"): cursor = min(text.count, cursor + 1)
    case .home, .control("a"): cursor = 0
    case .end, .control("e"): cursor = text.count
    case .wordLeft: cursor = wordStart
    case .wordRight: cursor = wordEnd
    case .up, .control("p"): recall(place - 1)
    case .down, .control("n"): recall(place + 1)
    case .control("u"): kill(0..<cursor)
    case .control("k"): kill(cursor..<text.count)
    case .control("w"): kill(wordStart..<cursor)
    case .control("y"): insert(killed)
    case .control("t"):
      guard cursor > 0, text.count > 1 else { return }
      let second = min(cursor, text.count - 1)
      text.swapAt(second - 1, second)
      cursor = second + 1
    case .control: return
    }
    actions.append(.write(row))
  }

  private mutating func finish(_ actions: inout [Action]) {
    let line = String(text)
    actions += [.write("\r\n"), .line(line)]
    if line.contains(where: { $0 != " " }), history.last != line {
      history.append(line)
      if history.count > Self.historyLimit { history.removeFirst() }
    }
    clear()
  }

  private mutating func clear() {
    text = []
    cursor = 0
    draft = []
    place = history.count
  }

  private mutating func insert(_ characters: some Collection<Character>) {
    let fitting = characters.prefix(Self.lineLimit - text.count)
    text.insert(contentsOf: fitting, at: cursor)
    cursor += fitting.count
  }

  private mutating func kill(_ range: Range<Int>) {
    guard !range.isEmpty else { return }
    killed = Array(text[range])
    text.removeSubrange(range)
    cursor = range.lowerBound
  }

  private mutating func recall(_ next: Int) {
    guard (0...history.count).contains(next), next != place else { return }
    if place == history.count { draft = text }
    place = next
    text = next == history.count ? draft : Array(history[next])
    cursor = text.count
  }

  private var wordStart: Int {
    var place = cursor
    while place > 0, text[place - 1] == " " { place -= 1 }
    while place > 0, text[place - 1] != " " { place -= 1 }
    return place
  }

  private var wordEnd: Int {
    var place = cursor
    while place < text.count, text[place] == " " { place += 1 }
    while place < text.count, text[place] != " " { place += 1 }
    return place
  }

  // MARK: The row

  /// Writes the row anew: prompt, as much of the line as fits, and the cursor where it is.
  private var row: String {
    let room = max(10, width - prompt.count - 1)
    let first = max(0, cursor - room)
    let shown = text[first..<min(text.count, first + room)]
    let back = shown.count - (cursor - first)
    return "\r\u{1b}[K" + prompt + String(shown) + (back > 0 ? "\u{1b}[\(back)D" : "")
  }

  private func columns(_ candidates: [String]) -> String {
    // Of paths, the last name is enough.
    let names = candidates.map { candidate in
      let parts = candidate.split(separator: "/")
      let isFolder = candidate.hasSuffix("/")
      return (parts.last.map(String.init) ?? candidate) + (isFolder ? "/" : "")
    }
    let column = (names.map(\.count).max() ?? 0) + 2
    let perRow = max(1, width / column)
    var text = ""
    for (index, name) in names.enumerated() {
      text += name
      let isLast = index % perRow == perRow - 1 || index == names.count - 1
      text += isLast ? "\r\n" : String(repeating: " ", count: column - name.count)
    }
    return text
  }

  /// Puts bytes together to keys: characters in UTF-8, and the sequences that terminals send.
  private struct KeyDecoder {
    private enum State: Equatable {
      case plain
      case escape
      /// After `ESC [` or `ESC O`, with what came of numbers.
      case sequence(String)
      /// In a character, with the bytes that are still to come.
      case character([UInt8], left: Int)
    }

    private var state = State.plain
    /// The byte before was a carriage return: a line feed behind it is the same key.
    private var wasReturn = false

    mutating func take(_ byte: UInt8) -> Key? {
      defer { wasReturn = byte == 0x0d }
      switch state {
      case .plain: return plain(byte)
      case .escape:
        state = .plain
        switch byte {
        case UInt8(ascii: "["), UInt8(ascii: "O"): state = .sequence("")
        case UInt8(ascii: "b"): return .wordLeft
        case UInt8(ascii: "f"): return .wordRight
        case 0x1b: state = .escape
        default: break
        }
        return nil
      case .sequence(let digits):
        if (0x30...0x3b).contains(byte), digits.utf8.count < 16 {
          state = .sequence(digits + String(Character(Unicode.Scalar(byte))))
          return nil
        }
        state = .plain
        return Self.key(digits, byte)
      case .character(let bytes, let left):
        guard byte & 0xc0 == 0x80 else {
          state = .plain
          return plain(byte)
        }
        if left > 1 {
          state = .character(bytes + [byte], left: left - 1)
          return nil
        }
        state = .plain
        return String(validating: bytes + [byte], as: UTF8.self).flatMap(\.first).map(Key.character)
      }
    }

    private mutating func plain(_ byte: UInt8) -> Key? {
      switch byte {
      case 0x0a where wasReturn: return nil
      case 0x0a, 0x0d: return .enter
      case 0x09: return .tab
      case 0x7f: return .backspace
      case 0x1b:
        state = .escape
        return nil
      case 0x01...0x1a: return .control(Character(Unicode.Scalar(byte + 0x60)))
      case 0x20..<0x7f: return .character(Character(Unicode.Scalar(byte)))
      case 0xc2..<0xf5:
        state = .character([byte], left: byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1)
        return nil
      default: return nil
      }
    }

    private static func key(_ digits: String, _ last: UInt8) -> Key? {
      switch (digits, Character(Unicode.Scalar(last))) {
      case ("", "A"): .up
      case ("", "B"): .down
      case ("", "C"): .right
      case ("", "D"): .left
      case ("", "H"), ("1", "~"), ("7", "~"): .home
      case ("", "F"), ("4", "~"), ("8", "~"): .end
      case ("3", "~"): .delete
      case ("1;5", "C"), ("1;3", "C"): .wordRight
      case ("1;5", "D"), ("1;3", "D"): .wordLeft
      default: nil
      }
    }
  }
}

extension Substring {
  fileprivate func commonPrefix(with other: String) -> Substring {
    self[
      ..<(zip(indices, other).first { self[$0] != $1 }?.0
        ?? index(startIndex, offsetBy: Swift.min(count, other.count)))]
  }
}
