// SPDX-License-Identifier: Apache-2.0

import GDBRemote
import TestSupport
import Testing

@Suite struct SessionTests {
  @Test func tellsWhatItCan() {
    let features = reply("qSupported:multiprocess+;swbreak+;hwbreak+").split(separator: ";")
    for wanted in [
      "ReverseStep+", "ReverseContinue+", "QStartNoAckMode+", "swbreak+", "hwbreak+", "vContSupported+",
      "ConditionalBreakpoints+", "qXfer:features:read+", "qXfer:threads:read+", "PacketSize=10000",
    ] {
      #expect(features.contains { $0 == wanted }, "\(wanted)")
    }
    #expect(!features.contains { $0.hasPrefix("multiprocess") })
    #expect(reply("vMustReplyEmpty") == "")
    #expect(reply("vRun;") == "")
    #expect(reply("qAttached") == "1")
    #expect(reply("vCont?") == "vCont;c;C;s;S;t;r")
  }

  /// While the target goes to its place, which takes long, questions about the session are answered, the first other one is
  /// held with a sign of life, and what came meanwhile is answered in its order.
  @Test func answersWhileTheTargetIsPrepared() {
    let target = FakeTarget()
    target.position = 1
    let connection = ScriptedConnection([Packet.frame("qC".utf8)])
    connection.available = [
      Packet.frame("qSupported:swbreak+".utf8), [], Packet.frame("vMustReplyEmpty".utf8),
      Packet.frame("?".utf8), [], Packet.frame("p20".utf8), [],
    ]
    let session = RemoteSession(target: target, connection: connection)
    let ending = session.serve(after: { control in
      for look in 0..<7 {
        #expect(!control.isInterrupted())
        #expect(payloads(in: connection.sent).count == [1, 1, 2, 2, 2, 2, 2][look])
      }
      #expect(connection.signsOfLife == 4)
      control.say("no text before the first stop")
      target.position = 50
      return true
    })
    #expect(ending == .closed)
    let sent = payloads(in: connection.sent).map { String(decoding: $0, as: UTF8.self) }
    #expect(sent.count == 5 && sent[1] == "" && sent[2].hasPrefix("T05thread:1;"))
    #expect(sent[3...] == ["c810000000000000", "QC1"])
  }

  @Test func clientsMayLeaveWhileTheTargetIsPrepared() {
    let connection = ScriptedConnection([])
    connection.availableEnds = true
    let session = RemoteSession(target: FakeTarget(), connection: connection)
    #expect(session.serve(after: { $0.isInterrupted() }) == .closed)
    let refused = ScriptedConnection([Packet.frame("qC".utf8)])
    #expect(RemoteSession(target: FakeTarget(), connection: refused).serve(after: { _ in false }) == .closed)
    #expect(refused.sent.isEmpty)
  }

  // MARK: Harts

  @Test func hartsAreThreads() {
    #expect(replies(["qfThreadInfo", "qsThreadInfo", "qC"]) == ["m1,2", "l", "QC1"])
    #expect(replies(["T1", "T2", "T3", "T0", "T-1", "Tx"]) == ["OK", "OK", "E01", "E01", "E01", "E01"])
    #expect(replies(["Hg2", "qC", "Hg0", "qC", "Hg3", "Hx1"]) == ["OK", "QC2", "OK", "QC2", "E01", "E01"])
    let list = reply("qXfer:threads:read::0,1000")
    #expect(list.hasPrefix("l"))
    #expect(
      list.contains("<thread id=\"2\" core=\"1\" name=\"hart 1\">&lt;M mode &amp; running&gt;</thread>"))
  }

  @Test func documentsComeInPieces() {
    let whole = reply("qXfer:features:read:target.xml:0,ffff")
    #expect(whole.hasPrefix("l"))
    #expect(whole.contains("<reg name=\"mstatus\" bitsize=\"64\" regnum=\"833\""))
    #expect(whole.contains("<reg name=\"priv\" bitsize=\"64\" regnum=\"4161\""))
    var pieces = ""
    for offset in stride(from: 0, through: 100_000, by: 100) {
      let piece = reply("qXfer:features:read:target.xml:\(String(offset, radix: 16)),64")
      pieces += piece.dropFirst()
      if piece.hasPrefix("l") { break }
      #expect(piece.hasPrefix("m") && piece.count == 101)
    }
    #expect(pieces == whole.dropFirst())
    #expect(reply("qXfer:features:read:target.xml:fffff,64") == "E01")
    #expect(reply("qXfer:features:read:other.xml:0,64") == "")
  }

  // MARK: Registers and memory

  @Test func registersAreReadAndWritten() {
    let target = FakeTarget()
    target.values[5] = 0x1122_3344_5566_7788
    let general = reply("g", from: target)
    #expect(general.count == 65 * 16)
    #expect(general.dropFirst(5 * 16).prefix(16) == "8877665544332211")
    #expect(general.dropFirst(32 * 16).prefix(16) == "c810000000000000")
    #expect(reply("p5", from: target) == "8877665544332211")
    #expect(reply("p341", from: target) == "4103000000000000")
    #expect(reply("p9999", from: target) == "E01")
    #expect(reply("P6=0100000000000000", from: target) == "OK")
    #expect(target.values[6] == 1)
    #expect(reply("P341=0100000000000000", from: target) == "E01")
    #expect(reply("P6=01000000000000000", from: target) == "E01")
    #expect(reply("P6", from: target) == "E01")
    // Only what differs is written.
    target.values = [:]
    let same = reply("g", from: target)
    #expect(
      reply("G" + same.replacingFirst(of: "0500000000000000", with: "ff00000000000000"), from: target) == "OK"
    )
    #expect(target.values == [5: 0xff])
    #expect(reply("G00", from: target) == "E01")
  }

  @Test func memoryIsReadAndWritten() {
    let target = FakeTarget()
    #expect(reply("M1000,4:01020304", from: target) == "OK")
    #expect(Array(target.memory[0..<4]) == [1, 2, 3, 4])
    #expect(reply("m1000,4", from: target) == "01020304")
    #expect(reply("m1ffe,10", from: target) == "0000", "what can be read")
    #expect(reply("m2000,1", from: target) == "E0e")
    #expect(reply("mffffffffffffffff,7fffffffffffffff", from: target) == "E0e")
    #expect(reply("m1000,ffffffffffff", from: target).count == 8192)
    #expect(reply("m1000", from: target) == "E01")
    #expect(reply("m11111111111111111,1", from: target) == "E01", "more than 64 bits")
    #expect(reply("M1000,4:010203", from: target) == "E01")
    #expect(reply("M1fff,2:0102", from: target) == "E0e")
    #expect(reply("X1000,0:", from: target) == "OK")
    let binary: [UInt8] = Array("X1000,4:".utf8) + [0x23, 0x24, 0x7d, 0x2a]
    let connection = ScriptedConnection([Packet.frame(binary), Packet.frame("x1000,4".utf8)])
    _ = RemoteSession(target: target, connection: connection).serve()
    #expect(payloads(in: connection.sent) == [Array("OK".utf8), [0x62, 0x23, 0x24, 0x7d, 0x2a]])
  }

  // MARK: Motion

  @Test func stopsNameWhatHit() {
    let target = FakeTarget()
    let pc = "20:cc10000000000000;"
    let answers = replies(
      [
        "qSupported:swbreak+;hwbreak+", "?", "vCont;s:1;c", "Z0,10d0,2", "c", "z0,10d0,2", "Z1,10d4,4",
        "vCont;c",
      ],
      from: target)
    #expect(answers[1].hasPrefix("T05thread:1;"))
    #expect(answers[2].hasPrefix("T05thread:2;") && answers[2].hasSuffix(pc))
    #expect(answers[4].hasPrefix("T05thread:1;swbreak:;"))
    #expect(answers[7].hasPrefix("T05thread:2;hwbreak:;"))
    // A client that did not say that it knows them is not told.
    #expect(replies(["Z0,10d8,2", "c"], from: target)[1].hasPrefix("T05thread:1;1:"))

    let backward = FakeTarget()
    backward.position = 80
    let hits = replies(["Z2,40,8", "bc", "Z3,3f,1", "bc", "Z4,3e,1", "bc", "bs", "bc"], from: backward)
    #expect(hits[1].hasPrefix("T05thread:1;watch:40;"))
    #expect(hits[3].hasPrefix("T05thread:2;rwatch:3f;"))
    #expect(hits[5].hasPrefix("T05thread:1;awatch:3e;"))
    #expect(hits[6].hasPrefix("T05thread:2;1:"))
    #expect(hits[7].hasPrefix("T05thread:1;replaylog:begin;"))
  }

  @Test func theEndsOfHistoryAreTold() {
    #expect(reply("vCont;c").hasPrefix("T05thread:1;replaylog:end;"))
    #expect(reply("bc").hasPrefix("T05thread:1;replaylog:begin;"))
  }

  /// gdb steps one hart over a breakpoint so, and does not survive the end of history there.
  @Test func theEndIsNotToldInAStepOfOneHart() {
    let target = FakeTarget()
    target.position = target.end
    let step = "vCont;s:1"
    let threads = "qXfer:threads:read::0,1000"
    let answers = replies([step, "vCont;c", step, step, step, threads, step], from: target)
      .filter { $0.first != "O" && $0.first != "l" }
    #expect(answers.map { $0.contains("replaylog:end;") } == [false, true, false, true, true, false])
    target.position = 0
    let back = replies(["Hc1", "bs", "bc", "Hc0", "bs"], from: target).filter { $0.first == "T" }
    #expect(back.map { $0.contains("replaylog:begin;") } == [false, true, true])
  }

  @Test func actionsChooseHartAndMotion() {
    func motion(_ packets: String...) -> Motion? {
      let target = FakeTarget()
      _ = replies(packets, from: target)
      return target.motions.last
    }
    #expect(motion("vCont;s:2;c") == .step(hart: 1, .forward))
    #expect(motion("vCont;c:1;s:2") == .step(hart: 1, .forward))
    #expect(motion("vCont;s:1;s:2") == .step(hart: 0, .forward))
    #expect(motion("Hg2", "vCont;s") == .step(hart: 1, .forward))
    #expect(motion("Hg2", "vCont;s:-1") == .step(hart: 1, .forward))
    #expect(motion("vCont;S05:2;C05") == .step(hart: 1, .forward))
    #expect(motion("vCont;r1000,1010:2;c") == .stepWithin(hart: 1, 0x1000...0x100f))
    #expect(motion("vCont;r1000,1000:2") == .step(hart: 1, .forward))
    #expect(motion("vCont;c:1") == .run(.forward))
    #expect(motion("Hc2", "s") == .step(hart: 1, .forward))
    #expect(motion("Hg2", "Hc0", "bs") == .step(hart: 1, .backward))
    #expect(motion("Hg1", "Hc2", "bs") == .step(hart: 1, .backward))
    #expect(motion("Hc-1", "bc") == .run(.backward))
    #expect(motion("S05") == .step(hart: 0, .forward))
    for bad in [
      "vCont;", "vCont;x", "vCont;s:3", "vCont;s:1x", "vCont;r10:1", "vCont;r10,5:1", "vCont;C", "vCont;sx",
    ] {
      #expect(motion(bad) == nil, "\(bad)")
      #expect(reply(bad) == "E01", "\(bad)")
    }
    #expect(motion("bx") == nil)
  }

  @Test func controlCEndsAMotion() {
    let target = FakeTarget()
    target.patience = 10
    let connection = ScriptedConnection([Packet.frame("c".utf8), Packet.frame("?".utf8)])
    connection.available = [[], [0x03]]
    _ = RemoteSession(target: target, connection: connection).serve()
    let answers = payloads(in: connection.sent).map { String(decoding: $0, as: UTF8.self) }
    #expect(answers.count == 2)
    #expect(answers.allSatisfy { $0.hasPrefix("T02thread:1;") })
    #expect(target.position == 70)
  }

  /// gdb asks again after two seconds without an answer, also of what takes longer.
  @Test func whoIsAskedAgainMeanwhileAnswersOnce() {
    for acknowledges in [true, false] {
      let start = acknowledges ? [] : [Packet.frame("QStartNoAckMode".utf8)]
      let connection = ScriptedConnection(
        start + [Packet.frame("qRcmd,77616974".utf8), Packet.frame("?".utf8)])
      connection.available = [[0x2d], [0x2d], [0x03]]
      _ = RemoteSession(target: FakeTarget(), connection: connection).serve()
      let answers = payloads(in: connection.sent).map { String(decoding: $0, as: UTF8.self) }
      #expect(
        answers.suffix(3).map { $0.prefix(12) } == ["O64696420776", "OK", "T05thread:1;"], "\(answers)")
    }
    // Nothing is sent again that arrived.
    let later = ScriptedConnection([Packet.frame("QStartNoAckMode".utf8), Packet.frame("?".utf8), [0x2d]])
    _ = RemoteSession(target: FakeTarget(), connection: later).serve()
    #expect(payloads(in: later.sent).count == 2)
  }

  /// gdb leaves a command by Ctrl-C without a word, and asks for something else.
  @Test func aCommandThatNobodyWaitsForEndsSilently() {
    let connection = ScriptedConnection([Packet.frame("qRcmd,77616974".utf8)])
    connection.available = [[], Packet.frame("?".utf8)]
    _ = RemoteSession(target: FakeTarget(), connection: connection).serve()
    let answers = payloads(in: connection.sent).map { String(decoding: $0, as: UTF8.self) }
    #expect(answers.map { $0.prefix(12) } == ["O64696420776", "T05thread:1;"])
  }

  /// The terminal gives one Ctrl-C to gdb, which passes it on, and to whoever started gdb.
  @Test func oneControlCEndsOneMotion() {
    let target = FakeTarget()
    target.patience = 10
    let connection = ScriptedConnection([
      Packet.frame("c".utf8), [0x03], Packet.frame("vCont;s:1".utf8),
    ])
    var asked = 0
    let session = RemoteSession(target: target, connection: connection) {
      asked += 1
      return asked == 3
    }
    _ = session.serve()
    let answers = payloads(in: connection.sent).map { String(decoding: $0, as: UTF8.self) }
    #expect(answers.count == 2 && answers[0].hasPrefix("T02") && answers[1].hasPrefix("T05"), "\(answers)")
  }

  /// gdb makes many short motions of one command, and Ctrl-C comes between two of them: it ends the next, and only that.
  @Test(arguments: [(milliseconds: 900, isInterrupted: true), (milliseconds: 1100, isInterrupted: false)])
  func controlCBetweenMotionsIsForTheNextIfThatComesSoon(milliseconds: Int, isInterrupted: Bool) {
    let target = FakeTarget()
    let connection = ScriptedConnection([
      [0x03] + Packet.frame("vCont;c:2".utf8), Packet.frame("vCont;s:2".utf8),
    ])
    var time = ContinuousClock.now
    let session = RemoteSession(target: target, connection: connection) {
      false
    } now: {
      defer { time += .milliseconds(milliseconds) }
      return time
    }
    _ = session.serve()
    let answers = payloads(in: connection.sent).map { String(decoding: $0, as: UTF8.self) }
      .filter { $0.first == "T" }
    #expect(answers.count == 2)
    #expect(answers.first?.hasPrefix(isInterrupted ? "T02thread:2;" : "T05") == true)
    #expect(answers.last?.hasPrefix("T05") == true)
    #expect(target.motions.count == (isInterrupted ? 1 : 2))
  }

  /// Who steps one hart over a breakpoint is told of that hart, and `Hc` counts until another is named.
  @Test func whoIsLetGoIsTold() {
    func released(_ packets: String...) -> Set<Int>? {
      let target = FakeTarget()
      _ = replies(packets, from: target)
      return target.released
    }
    #expect(released("vCont;s:2") == [1])
    #expect(released("vCont;c:1") == [0])
    #expect(released("vCont;s:2;c") == nil)
    #expect(released("vCont;s:1;c:2") == [0, 1])
    #expect(released("vCont;t:1;c:2") == [1])
    #expect(released("vCont;c") == nil)
    #expect(released("vCont;c:-1") == nil)
    #expect(released("Hc2", "bc") == [1])
    #expect(released("Hc2", "bs", "bc") == [1])
    #expect(released("Hc2", "bc", "Hc0", "bc") == nil)
    #expect(released("Hc2", "vCont;c") == nil)
  }

  /// A packet sent while the target moves is answered after the motion.
  @Test func packetsWaitForTheMotion() {
    let target = FakeTarget()
    target.patience = 10
    let connection = ScriptedConnection([Packet.frame("c".utf8)])
    connection.available = [Packet.frame("qC".utf8)]
    _ = RemoteSession(target: target, connection: connection).serve()
    let answers = payloads(in: connection.sent)
    #expect(answers.count == 2)
    #expect(answers[0].starts(with: Array("T05".utf8)))
    #expect(answers[1] == Array("QC1".utf8))
  }

  /// Nobody sends that much to a target that moves; it is not kept.
  @Test func aFloodDuringAMotionEndsTheSession() {
    let target = FakeTarget()
    target.patience = 10
    let connection = ScriptedConnection([Packet.frame("c".utf8)])
    connection.available = [(0..<100).flatMap { _ in Packet.frame("qC".utf8) }]
    #expect(RemoteSession(target: target, connection: connection).serve() == .closed)
    #expect(target.position < 100)
  }

  // MARK: Conditions

  /// `$pc == 0x10e0` as gdb compiles it: reg 32, const16, equal, end.
  @Test func conditionsAreEvaluatedHere() {
    let target = FakeTarget()
    let condition = "X8,2600202310e01327"
    _ = replies(["Z0,10d0,2;\(condition)", "Z0,10e0,2;\(condition)", "c"], from: target)
    #expect(target.position == 56)
    // Sent again without a condition, it stops always; with one of several true, too.
    let again = FakeTarget()
    _ = replies(["Z0,10d0,2;\(condition)", "Z0,10d0,2", "c"], from: again)
    #expect(again.position == 52)
    let either = FakeTarget()
    _ = replies(["Z0,10d0,2;\(condition);X8,2600202310d01327", "c"], from: either)
    #expect(either.position == 52)
    // What cannot be worked out stops: a register that is not there.
    let broken = FakeTarget()
    _ = replies(["Z0,10d0,2;X4,26270f27", "c"], from: broken)
    #expect(broken.position == 52)
    for bad in ["Z0,10d0,2;X9,26", "Z0,10d0,2;Xzz", "Z0,10d0,2;Y", "Z0,10d0,2;Xfffffffffffffff,00"] {
      #expect(reply(bad) == "E01", "\(bad)")
    }
  }

  @Test func pointsAreSetAndRemoved() {
    let target = FakeTarget()
    _ = replies(
      ["Z0,10d0,2", "Z1,10d0,2", "Z2,10,4", "Z2,10,4", "Z4,20,1", "z0,10d0,2", "z4,20,1", "s"], from: target)
    #expect(target.lastStops.breakpoints == [.init(address: 0x10d0)])
    #expect(target.lastStops.watchpoints == [.init(kind: .write, address: 0x10, length: 4)])
    for bad in ["Z2,10,0", "Z2,ffffffffffffffff,2", "Z0,10d0", "Z5,0,0", "Z2,10,4;X1,27"] {
      #expect(["E01", ""].contains(reply(bad)), "\(bad)")
    }
  }

  // MARK: The user's own commands

  @Test func monitorCommandsReachTheTarget() {
    let target = FakeTarget()
    target.notices = ["look"]
    let answers = replies(["qRcmd,7768656e", "qRcmd,7", "qRcmd,zz"], from: target)
    #expect(answers == ["O6c6f6f6b0a", "O646964207768656e0a", "OK", "E01", "E01"])
    #expect(target.commands == ["when"])
  }

  @Test func noticesComeWithTheNextMotion() {
    let target = FakeTarget()
    let answers = replies(["P6=01", "s", "s"], from: target)
    #expect(answers[0] == "OK")
    #expect(answers[1] == "O61206272616e63680a")
    #expect(answers[2].hasPrefix("T05"))
    #expect(answers[3].hasPrefix("T05"), "once")
  }

  // MARK: The way in and out

  @Test func acknowledgesUntilToldNotTo() {
    let connection = ScriptedConnection([
      Packet.frame("qC".utf8), Array("$qC#00".utf8), Array("-".utf8), Packet.frame("QStartNoAckMode".utf8),
      Packet.frame("qC".utf8), Array("$qC#00".utf8),
    ])
    _ = RemoteSession(target: FakeTarget(), connection: connection).serve()
    #expect(String(decoding: connection.sent, as: UTF8.self) == "+$QC1#c5-$QC1#c5+$OK#9a$QC1#c5")
  }

  @Test func endsAsTheClientAsks() {
    func ending(_ bytes: [UInt8]) -> (RemoteSession.Ending, String) {
      let connection = ScriptedConnection([bytes])
      let ending = RemoteSession(target: FakeTarget(), connection: connection).serve()
      return (ending, String(decoding: connection.sent, as: UTF8.self))
    }
    #expect(ending(Packet.frame("D".utf8)) == (.detached, "+$OK#9a"))
    #expect(ending(Packet.frame("k".utf8)) == (.killed, "+"))
    #expect(ending(Packet.frame("vKill;1".utf8)) == (.killed, "+$OK#9a"))
    #expect(ending(Array("$g".utf8)) == (.closed, ""))
    #expect(ending(Packet.frame([UInt8](repeating: 0x67, count: 70_000))) == (.closed, "+$E07#ac"))
  }

  /// Anything at all may come in; nothing of it may stop the session from answering the packet after it.
  @Test func survivesAnything() {
    var generator = SeededGenerator(seed: 12)
    let heads = [
      "vCont;", "Z0,", "z2,", "m", "M", "X", "g", "G", "p", "P", "H", "T", "q", "Q", "qXfer:features:read:",
      "qRcmd,", "qThreadExtraInfo,", "b", "s", "c", "C", "S", "?", "Z2,1000,8;X", "D?", "x", "",
    ]
    let alphabet = Array("0123456789abcdef,;:=-+XZcsrt".utf8)
    for _ in 0..<3000 {
      let head = heads.randomElement(using: &generator) ?? ""
      let tail = (0..<Int.random(in: 0..<24, using: &generator)).map { _ in
        Bool.random(using: &generator)
          ? alphabet.randomElement(using: &generator)! : UInt8.random(in: 0...255, using: &generator)
      }
      let payload = Array(head.utf8) + tail
      if payload.first == UInt8(ascii: "D") || payload.first == UInt8(ascii: "k")
        || payload.starts(with: Array("vKill;".utf8))
      {
        continue
      }
      let connection = ScriptedConnection([Packet.frame(payload), Packet.frame("vCont?".utf8)])
      #expect(RemoteSession(target: FakeTarget(), connection: connection).serve() == .closed)
      #expect(payloads(in: connection.sent).last == Array("vCont;c;C;s;S;t;r".utf8), "\(payload)")
    }
  }
}

extension String {
  fileprivate func replacingFirst(of text: String, with other: String) -> String {
    guard let range = firstRange(of: text) else { return self }
    return replacingCharacters(in: range, with: other)
  }
  fileprivate func replacingCharacters(in range: Range<String.Index>, with other: String) -> String {
    String(self[..<range.lowerBound]) + other + String(self[range.upperBound...])
  }
}
