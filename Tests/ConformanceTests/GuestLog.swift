// SPDX-License-Identifier: Apache-2.0

/// The log that a `RandomProgram` writes into RAM, as words of 64 bits.
struct GuestLog {
  static let trapTag = 0x54
  static let trapWords = 7
  static let chunkTag = 0x1000
  static let chunkWords = 64
  static let endTag = 0x45

  enum Record: Equatable {
    /// x28, x29, mcause, mtval, mstatus, mepc.
    case trap([UInt64])
    /// x1 to x30, f0 to f31, fcsr, when the chunk of this index has ended.
    case chunk(Int, [UInt64])
  }

  private(set) var records: [Record] = []
  /// Whether the program came to its end.
  private(set) var isComplete = false

  init(words: UnsafeBufferPointer<UInt64>) {
    var position = 0
    while position + Self.chunkWords <= words.count {
      let tag = Int(truncatingIfNeeded: words[position])
      if tag == Self.endTag {
        isComplete = true
        return
      }
      if tag == Self.trapTag {
        records.append(.trap(Array(words[position + 1..<position + Self.trapWords])))
        position += Self.trapWords
      } else if tag >= Self.chunkTag, tag < Self.chunkTag + 0x1000 {
        records.append(.chunk(tag - Self.chunkTag, Array(words[position + 1..<position + Self.chunkWords])))
        position += Self.chunkWords
      } else {
        return
      }
    }
  }

  /// The first difference, in words, and the chunk in which it arose; nil if there is none.
  func firstDifference(from other: GuestLog, names: (String, String)) -> (chunk: Int, text: String)? {
    var chunk = 0
    for index in 0..<max(records.count, other.records.count) {
      let mine = index < records.count ? records[index] : nil
      let theirs = index < other.records.count ? other.records[index] : nil
      if mine != theirs, !Self.isBreakpointWithoutAddress(mine, theirs) {
        return (chunk, Self.describe(mine, theirs, names))
      }
      if case .chunk(let ended, _) = mine { chunk = ended + 1 }
    }
    if isComplete != other.isComplete {
      return (chunk, "\(isComplete ? names.1 : names.0) did not come to its end")
    }
    return nil
  }

  /// A breakpoint writes its address or zero to mtval (privileged specification, "Machine Trap Value Register"). We write the
  /// address, as later versions of QEMU do; QEMU 7.2 writes zero.
  private static func isBreakpointWithoutAddress(_ mine: Record?, _ theirs: Record?) -> Bool {
    guard case .trap(let left) = mine, case .trap(var right) = theirs, left[2] == 3, right[3] == 0 else {
      return false
    }
    right[3] = right[5]
    return left == right
  }

  private static let chunkNames =
    (1...30).map { "x\($0)" } + (0..<32).map { "f\($0)" } + ["fcsr"]
  private static let trapNames = ["x28", "x29", "mcause", "mtval", "mstatus", "mepc"]

  private static func describe(_ a: Record?, _ b: Record?, _ names: (String, String)) -> String {
    func list(_ left: [UInt64], _ right: [UInt64], _ fields: [String], all: Bool) -> String {
      fields.indices.filter { all || left[$0] != right[$0] }.map {
        "\(fields[$0]): \(names.0) \(String(left[$0], radix: 16)), \(names.1) \(String(right[$0], radix: 16))"
      }.joined(separator: "\n")
    }
    switch (a, b) {
    case (.trap(let left), .trap(let right)): return "a trap:\n" + list(left, right, trapNames, all: true)
    case (.chunk(_, let left), .chunk(_, let right)):
      return "registers at the chunk's end:\n" + list(left, right, chunkNames, all: false)
    default: return "\(names.0): \(brief(a))\n\(names.1): \(brief(b))"
    }
  }

  private static func brief(_ record: Record?) -> String {
    switch record {
    case .trap(let values):
      "a trap: "
        + zip(trapNames, values).map { "\($0) \(String($1, radix: 16))" }.joined(separator: " ")
    case .chunk(let index, _): "the end of chunk \(index)"
    case nil: "nothing more"
    }
  }
}
