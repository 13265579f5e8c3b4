// SPDX-License-Identifier: Apache-2.0

/// Carrying out `monitor` commands, which may take longer than a client waits.
extension RemoteSession {
  /// - Returns: the reply; nil: none, since nobody waits for it.
  func carryOut(_ body: (MotionControl) -> Void) -> Reply? {
    command = CommandWait(at: now())
    elsewhereInterrupt = nil
    defer { command = nil }
    whileMoving(body)
    guard client.isGDB else { return command?.isOver == true ? nil : .ok }
    return waitsForReply() ? reply(with: command?.text ?? "") : nil
  }

  /// While a command is under way, from time to time.
  ///
  /// - Returns: whether its client does not wait for it any more.
  func tendCommand() -> Bool {
    guard command != nil else { return false }
    // Whoever asks for something else waits for this command no longer.
    if hasPacket { command?.isOver = true }
    guard command?.isOver == false else { return true }
    if client.isGDB, command?.takeRound(at: now()) == true { send("O") }
    return command?.isSilent(at: now()) == true
  }

  /// Waits until it is known whether gdb waits, if it is not. Where Ctrl-C reaches this program too, no gdb leaves that was not seen to.
  private func waitsForReply() -> Bool {
    while command?.isOver == false, command?.isCertain == false,
      !sharesTerminal || command?.isSilent(at: now()) == true
    {
      guard receive() else { return false }
      if hasPacket { command?.isOver = true }
    }
    return command?.isOver == false
  }

  /// All in the last packet, as far as it has room: one before it would give gdb an occasion to leave.
  private func reply(with text: String) -> Reply {
    let bytes = Array(text.utf8)
    guard !bytes.isEmpty else { return .ok }
    let last = (bytes.count - 1) / Self.textLimit * Self.textLimit
    sendText(bytes[..<last])
    return Reply(Hexadecimal.encode(bytes[last...]))
  }
}
