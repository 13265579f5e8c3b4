// SPDX-License-Identifier: Apache-2.0

/// A client that waits for the reply to a `monitor` command.
///
/// gdb waits in rounds: when it has heard nothing for a while (two seconds, `set remotetimeout`) it sends a `-`, and after the third of them, or
/// with a packet, the round is over. Between rounds alone it looks for Ctrl-C, and then it leaves without a word. What is sent to one that has left
/// would be taken for the reply to its next packet. So the first `-` is answered at once with a packet that says nothing, and from then on until the
/// next `-` nobody knows whether gdb still waits.
struct CommandWait {
  /// What is to be told with the reply.
  var text = ""
  /// The client has gone on to something else.
  var isOver = false
  /// A packet now would be taken for part of the reply.
  private(set) var isCertain = true
  /// Of this round.
  private var askedCount = 0
  private var lastRound: ContinuousClock.Instant
  /// The shortest time from the start of a round to its first `-` that was seen: no shorter than it is.
  private var patience: Duration?

  private static let roundLength = 3

  init(at now: ContinuousClock.Instant) { lastRound = now }

  /// The client has sent a `-`.
  mutating func ask(at now: ContinuousClock.Instant) {
    let waited = max(.seconds(1), now - lastRound)
    patience = min(patience ?? waited, waited)
    askedCount += 1
    // With the last one its round is over by itself.
    isCertain = askedCount % Self.roundLength != 0
    if !isCertain { lastRound = now }
  }

  /// Whether a packet that says nothing is due; it is counted as sent.
  mutating func takeRound(at now: ContinuousClock.Instant) -> Bool {
    guard isCertain, askedCount > 0 else { return false }
    isCertain = false
    askedCount = 0
    lastRound = now
    return true
  }

  /// It has not been heard of for so long that it must have left, or stands still.
  func isSilent(at now: ContinuousClock.Instant) -> Bool {
    guard !isCertain, let patience else { return false }
    return now - lastRound > patience * Self.roundLength
  }
}
