// SPDX-License-Identifier: Apache-2.0

import GDBRemote
import Testing

/// `monitor` commands, and gdb's ways of waiting for them and of leaving.
@Suite struct CommandTests {
  private static let hello = Packet.frame("qSupported:multiprocess+;swbreak+;qRelocInsn+".utf8)
  private static let wait = Packet.frame("qRcmd,77616974".utf8)
  private static let asked: [UInt8] = [0x2d]
  private static let interrupt: [UInt8] = [0x03]
  private static let next = Packet.frame("?".utf8)
  /// "did wait" and a new line.
  private static let told = "64696420776169740a"

  /// What gdb is sent after its greeting.
  ///
  /// - Parameters:
  ///   - available: what has come each time the command looks.
  ///   - later: what comes when it is over.
  private func answers(
    available: [[UInt8]], later: [[UInt8]], sharesTerminal: Bool = false, tick: Duration = .zero
  ) -> [String] {
    let connection = ScriptedConnection([Self.hello, Self.wait] + later)
    connection.available = available
    var time = ContinuousClock.Instant.now
    let session = RemoteSession(
      target: FakeTarget(), connection: connection, sharesTerminal: sharesTerminal,
      now: {
        time += tick
        return time
      })
    _ = session.serve()
    return payloads(in: connection.sent).dropFirst().map { String(decoding: $0.prefix(18), as: UTF8.self) }
  }

  private let stop = "T05thread:1;"

  private func expect(_ answers: [String], _ wanted: [String]) {
    #expect(answers.map { $0.hasPrefix(stop) ? stop : $0 } == wanted)
  }

  /// gdb leaves between two packets, so that a second one would be the reply to whatever it asks next.
  @Test func textIsTheReply() {
    let connection = ScriptedConnection([Self.hello, Packet.frame("qRcmd,7768656e".utf8)])
    _ = RemoteSession(target: FakeTarget(), connection: connection).serve()
    #expect(payloads(in: connection.sent).dropFirst() == [Array("646964207768656e0a".utf8)])
    // Whoever is not gdb may show it as it is.
    #expect(replies(["qSupported:swbreak+", "qRcmd,7768656e"]).suffix(2) == ["O646964207768656e0a", "OK"])
  }

  /// A round that lasts is ended, so that Ctrl-C is seen. From then on only the next `-` says that it still waits.
  @Test func whoWaitsIsAnsweredAndWhoHasLeftIsNot() {
    expect(answers(available: [Self.interrupt], later: [Self.next]), [Self.told, stop])
    expect(
      answers(available: [Self.asked, [], Self.interrupt], later: [Self.asked, Self.next]),
      ["O", Self.told, stop])
    expect(answers(available: [Self.asked, [], Self.interrupt], later: [Self.next]), ["O", stop])
    expect(answers(available: [Self.asked, [], Self.next], later: []), ["O", stop])
    expect(
      answers(available: [Self.asked, [], Self.asked, Self.interrupt], later: [Self.asked, Self.next]),
      ["O", "O", Self.told, stop])
    // The connection ends meanwhile.
    expect(answers(available: [Self.asked, Self.interrupt], later: []), ["O"])
  }

  /// Where Ctrl-C would have come here too, gdb has not left.
  @Test func whoSharesTheTerminalIsAnsweredAtOnce() {
    expect(
      answers(available: [Self.asked, Self.interrupt], later: [Self.next], sharesTerminal: true),
      ["O", Self.told, stop])
  }

  /// After three in one round it is over by itself, and gdb may have left.
  @Test func aRoundThatIsOverIsNotEnded() {
    let three = Self.asked + Self.asked + Self.asked
    expect(answers(available: [three, [], Self.interrupt], later: [Self.next]), [stop])
    expect(
      answers(available: [three, Self.asked, Self.interrupt], later: [Self.asked, Self.next]),
      ["O", Self.told, stop])
    expect(
      answers(available: [Self.asked + Self.asked, Self.interrupt], later: [Self.asked, Self.next]),
      ["O", Self.told, stop])
  }

  /// gdb at its prompt sends nothing: the command ends. One that had only been stopped asks again, and is told.
  @Test func silenceEndsACommand() {
    for later in [[Self.next], [Self.asked, Self.next]] {
      expect(
        answers(available: [[], Self.asked], later: later, tick: .seconds(1)),
        later.count == 1 ? ["O", stop] : ["O", Self.told, stop])
    }
  }

  /// Acknowledgements are no packets that wait.
  @Test func acknowledgementsDoNotPileUp() {
    expect(
      answers(
        available: Array(repeating: [0x2b], count: 200) + [Self.interrupt], later: [Self.next]),
      [Self.told, stop]
    )
  }
}
