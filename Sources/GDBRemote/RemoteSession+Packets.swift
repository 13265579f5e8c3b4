// SPDX-License-Identifier: Apache-2.0

/// What each packet means. Nil: no reply.
extension RemoteSession {
  func reply(to payload: [UInt8]) -> Reply? {
    guard let command = payload.first else { return .unsupported }
    var reader = PacketReader(payload.dropFirst())
    switch command {
    case UInt8(ascii: "?"): return stopReply(lastStop)
    case UInt8(ascii: "g"): return readGeneralRegisters()
    case UInt8(ascii: "G"): return writeGeneralRegisters(&reader)
    case UInt8(ascii: "p"): return readRegister(&reader)
    case UInt8(ascii: "P"): return writeRegister(&reader)
    case UInt8(ascii: "m"): return readMemory(&reader, isBinary: false)
    case UInt8(ascii: "x"): return readMemory(&reader, isBinary: true)
    case UInt8(ascii: "M"): return writeMemory(&reader, isBinary: false)
    case UInt8(ascii: "X"): return writeMemory(&reader, isBinary: true)
    case UInt8(ascii: "c"): return resume(at: &reader, hasSignal: false, .run(.forward))
    case UInt8(ascii: "C"): return resume(at: &reader, hasSignal: true, .run(.forward))
    case UInt8(ascii: "s"): return resume(at: &reader, hasSignal: false, .step(hart: hartToStep, .forward))
    case UInt8(ascii: "S"): return resume(at: &reader, hasSignal: true, .step(hart: hartToStep, .forward))
    case UInt8(ascii: "b"):
      if reader.skip("s"), reader.isAtEnd { return resume(.step(hart: hartToStep, .backward)) }
      if reader.skip("c"), reader.isAtEnd { return resume(.run(.backward)) }
      return .unsupported
    case UInt8(ascii: "Z"): return insertPoint(&reader)
    case UInt8(ascii: "z"): return removePoint(&reader)
    case UInt8(ascii: "H"): return selectHart(&reader)
    case UInt8(ascii: "T"): return hart(&reader) == nil ? .malformed : .ok
    case UInt8(ascii: "q"): return query(&reader)
    case UInt8(ascii: "Q"): return setting(&reader)
    case UInt8(ascii: "v"): return verbose(&reader)
    case UInt8(ascii: "D"):
      end(.detached)
      return .ok
    case UInt8(ascii: "k"):
      end(.killed)
      return nil
    default: return .unsupported
    }
  }

  /// Whether a packet can be answered wherever the target is: what a client asks first, to find out whom it talks to.
  static func isAboutSessionAlone(_ payload: [UInt8]) -> Bool {
    [
      "qSupported", "QStartNoAckMode", "vMustReplyEmpty", "vCont?", "qXfer:features:", "qTStatus",
      "qAttached", "qOffsets",
      "qSymbol", "qHostInfo", "qProcessInfo", "Hc", "Hg0", "Hg-1",
    ].contains { payload.starts(with: $0.utf8) }
  }

  // MARK: Harts, which gdb calls threads and counts from 1

  /// A thread's number; nil for anything else, "all" and "any" included.
  func hart(_ reader: inout PacketReader) -> Int? {
    guard let thread = reader.count(), thread >= 1, thread <= target.hartCount else { return nil }
    return thread - 1
  }

  private var hartToStep: Int { steppedHart ?? generalHart }

  private func selectHart(_ reader: inout PacketReader) -> Reply {
    let isGeneral = reader.skip("g")
    guard isGeneral || reader.skip("c") else { return .malformed }
    // -1 is all of them and 0 is any: as good as none.
    if reader.skip("-1") || reader.text == "0" {
      if !isGeneral { steppedHart = nil }
      return .ok
    }
    guard let hart = hart(&reader), reader.isAtEnd else { return .malformed }
    if isGeneral { generalHart = hart } else { steppedHart = hart }
    return .ok
  }

  // MARK: v packets

  private func verbose(_ reader: inout PacketReader) -> Reply? {
    if reader.skip("Cont?") { return "vCont;c;C;s;S;t;r" }
    if reader.skip("Cont;") { return resumeActions(&reader) }
    if reader.skip("Kill;") {
      end(.killed)
      return .ok
    }
    return .unsupported
  }
}
