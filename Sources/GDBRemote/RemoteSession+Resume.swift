// SPDX-License-Identifier: Apache-2.0

/// Motion, and how it is told that it ended.
extension RemoteSession {
  /// - Parameter harts: those that the client lets go; nil: all.
  func resume(_ motion: Motion, releasing harts: Set<Int>?) -> Reply {
    let report = whileMoving(releasing: harts) { control in
      tellNotices()
      var report =
        takeLateInterrupt()
        ? StopReport(hart: target.currentHart, cause: .interrupted)
        : target.resume(motion, stops: inserted.stops, control: control)
      // gdb does not survive an answer of a thread that it has not let go.
      report.hart = control.released(report.hart)
      if isEndOfLoneStep(report, motion, harts) {
        report.cause = .stepped
        control.say("There is no more history.\n")
      }
      return report
    }
    tellNotices()
    if case .exited(let status) = report.cause {
      end(.exited)
      return Reply(Array("W".utf8) + Hexadecimal.encode([status]))
    }
    lastStop = report
    generalHart = report.hart
    return stopReply(report)
  }

  /// Whether history ends in a step of one hart alone, as gdb makes it over a breakpoint. It does not expect that, believes for ever
  /// that the hart is on its way, and ends with an assertion later: it is told so by its next motion, of all harts. One that makes
  /// steps like this one again and again without looking at the machine waits for something else to happen, and is told at once.
  private func isEndOfLoneStep(_ report: StopReport, _ motion: Motion, _ harts: Set<Int>?) -> Bool {
    guard case .step = motion, harts?.count == 1,
      report.cause == .endOfHistory || report.cause == .beginningOfHistory
    else {
      hidesEndOfHistory = true
      return false
    }
    defer { hidesEndOfHistory = false }
    return hidesEndOfHistory
  }

  /// The packets from before `vCont`, and those that go back.
  func resume(_ motion: Motion) -> Reply { resume(motion, releasing: steppedHart.map { [$0] }) }

  /// The packets from before `vCont`: an address to go on from may follow, after a signal, which a machine has none of.
  func resume(at reader: inout PacketReader, hasSignal: Bool, _ motion: Motion) -> Reply {
    if hasSignal {
      guard reader.number() != nil else { return .malformed }
      if !reader.isAtEnd, !reader.skip(";") { return .malformed }
    }
    if !reader.isAtEnd {
      guard let address = reader.number(), reader.isAtEnd else { return .malformed }
      var hart = steppedHart ?? generalHart
      if case .step(let stepped, _) = motion { hart = stepped }
      guard target.writeRegister(RegisterSet.programCounter, hart: hart, value: address) else {
        return .malformed
      }
    }
    return resume(motion)
  }

  /// `vCont`: actions, each for one thread or for all that none before named. The harts of a machine move together,
  /// so an action for one of them decides how far all go: the first that steps, else everything runs. But only those that
  /// have an action are let go, and one of them is named in the answer.
  func resumeActions(_ reader: inout PacketReader) -> Reply {
    var motion: Motion?
    var isStop = false
    var released: Set<Int>? = []
    while !reader.isAtEnd {
      var action = PacketReader(reader.part(before: UInt8(ascii: ";")))
      guard let kind = action.bytes(1)?.first else { return .malformed }
      var range: ClosedRange<UInt64>?
      switch kind {
      case UInt8(ascii: "c"), UInt8(ascii: "s"): break
      case UInt8(ascii: "t"): isStop = true
      case UInt8(ascii: "C"), UInt8(ascii: "S"): guard action.number() != nil else { return .malformed }
      case UInt8(ascii: "r"):
        guard let first = action.number(), action.skip(","), let end = action.number(), first <= end else {
          return .malformed
        }
        // An empty range is a plain step: no `pc` lies within it.
        if first < end { range = first...(end - 1) }
      default: return .malformed
      }
      var hart = generalHart
      var isNamed = false
      // For -1, all, and 0, any, it is the hart that the client looks at.
      if action.skip(":"), !action.skip("-1"), !action.skip("0") {
        guard let named = self.hart(&action) else { return .malformed }
        hart = named
        isNamed = true
      }
      guard action.isAtEnd else { return .malformed }
      if kind != UInt8(ascii: "t") {
        if isNamed { released?.insert(hart) } else { released = nil }
      }
      guard motion == nil || motion == .run(.forward) else { continue }
      switch kind {
      case UInt8(ascii: "c"), UInt8(ascii: "C"): motion = .run(.forward)
      case UInt8(ascii: "t"): break
      default: motion = range.map { .stepWithin(hart: hart, $0) } ?? .step(hart: hart, .forward)
      }
    }
    if let motion { return resume(motion, releasing: released) }
    return isStop ? stopReply(lastStop) : .malformed
  }

  // MARK: Replies

  private enum Signal {
    static let interrupt: UInt8 = 2
    static let trap: UInt8 = 5
  }

  /// `T`: the signal, why, which hart, and the registers that every debugger asks for next.
  func stopReply(_ report: StopReport) -> Reply {
    var text = "T"
    func append(_ part: String) { text += part }
    let signal = report.cause == .interrupted ? Signal.interrupt : Signal.trap
    append(String(decoding: Hexadecimal.encode([signal]), as: UTF8.self))
    append("thread:\(String(report.hart + 1, radix: 16));")
    switch report.cause {
    case .stepped, .interrupted, .exited: break
    case .breakpoint:
      let address = target.readRegister(RegisterSet.programCounter, hart: report.hart) ?? 0
      if inserted.hasSoftwareBreakpoint(at: address) {
        if client.softwareBreakpointReason { append("swbreak:;") }
      } else if client.hardwareBreakpointReason {
        append("hwbreak:;")
      }
    case .watchpoint(let kind, let address):
      let name =
        switch kind {
        case .write: "watch"
        case .read: "rwatch"
        case .access: "awatch"
        }
      append("\(name):\(String(address, radix: 16));")
    case .beginningOfHistory: append("replaylog:begin;")
    case .endOfHistory: append("replaylog:end;")
    }
    for number in [1, 2, 8, RegisterSet.programCounter] {
      guard let value = target.readRegister(number, hart: report.hart) else { continue }
      let digits = Hexadecimal.encode(littleEndian: value, byteCount: 8)
      append("\(String(number, radix: 16)):\(String(decoding: digits, as: UTF8.self));")
    }
    return Reply(Array(text.utf8))
  }
}
