// SPDX-License-Identifier: Apache-2.0

/// `q` and `Q` packets.
extension RemoteSession {
  func query(_ reader: inout PacketReader) -> Reply? {
    if reader.skip("Supported") { return features(&reader) }
    if reader.skip("Rcmd,") { return monitor(&reader) }
    if reader.skip("Xfer:features:read:target.xml:") { return part(of: registers.description, &reader) }
    if reader.skip("Xfer:threads:read::") {
      // The client stops for its user.
      hidesEndOfHistory = true
      return part(of: threadList, &reader)
    }
    if reader.skip("ThreadExtraInfo,") {
      guard let hart = hart(&reader), reader.isAtEnd else { return .malformed }
      return Reply(Hexadecimal.encode(Array("hart \(hart): \(target.describe(hart: hart))".utf8)))
    }
    switch reader.text {
    case "C": return Reply(Array("QC\(thread(generalHart))".utf8))
    case "fThreadInfo":
      return Reply(Array(("m" + (0..<target.hartCount).map(thread).joined(separator: ",")).utf8))
    case "sThreadInfo": return "l"
    // The machine is not ours to start: a debugger that leaves detaches from it.
    case "Attached": return "1"
    case "Offsets": return "Text=0;Data=0;Bss=0"
    case "Symbol::": return .ok
    // What lldb asks.
    case "HostInfo":
      return Reply(
        Array("triple:\(lldbTriple);endian:little;ptrsize:8;watchpoint_exceptions_received:before;".utf8))
    case "ProcessInfo": return Reply(Array("pid:1;triple:\(lldbTriple);endian:little;ptrsize:8;".utf8))
    default: return .unsupported
    }
  }

  func setting(_ reader: inout PacketReader) -> Reply {
    guard reader.text == "StartNoAckMode" else { return .unsupported }
    acknowledges = false
    return .ok
  }

  // MARK: Answers

  private func features(_ reader: inout PacketReader) -> Reply {
    if reader.skip(":") {
      let known = reader.text.split(separator: ";")
      client.softwareBreakpointReason = known.contains("swbreak+")
      client.hardwareBreakpointReason = known.contains("hwbreak+")
      client.isGDB = known.contains("qRelocInsn+")
    }
    let features = [
      "PacketSize=\(String(Self.packetSize, radix: 16))", "QStartNoAckMode+", "swbreak+", "hwbreak+",
      "vContSupported+", "ReverseStep+", "ReverseContinue+", "ConditionalBreakpoints+",
      "qXfer:features:read+", "qXfer:threads:read+", "binary-upload+",
    ]
    return Reply(Array(features.joined(separator: ";").utf8))
  }

  private func thread(_ hart: Int) -> String { String(hart + 1, radix: 16) }

  private var lldbTriple: String {
    String(decoding: Hexadecimal.encode(Array("riscv64-unknown-unknown-elf".utf8)), as: UTF8.self)
  }

  private var threadList: [UInt8] {
    var text = "<?xml version=\"1.0\"?>\n<threads>\n"
    for hart in 0..<target.hartCount {
      text += "<thread id=\"\(thread(hart))\" core=\"\(hart)\" name=\"hart \(hart)\">"
      text += escapedForXML(target.describe(hart: hart)) + "</thread>\n"
    }
    return Array((text + "</threads>\n").utf8)
  }

  private func escapedForXML(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      default: result.append(character)
      }
    }
  }

  /// `m` and a piece of a document, or `l` and its last piece.
  private func part(of document: [UInt8], _ reader: inout PacketReader) -> Reply {
    guard let offset = reader.count(), reader.skip(","), let count = reader.count(), reader.isAtEnd,
      offset <= document.count
    else { return .malformed }
    // Escapes may double it.
    let end = min(document.count - offset, count, Self.packetSize / 2 - 1) + offset
    let mark = UInt8(ascii: end == document.count ? "l" : "m")
    return Reply([mark] + document[offset..<end])
  }

  private func monitor(_ reader: inout PacketReader) -> Reply? {
    guard let bytes = Hexadecimal.decode(reader.rest) else { return .malformed }
    let reply = carryOut { control in
      tellNotices()
      target.monitor(String(decoding: bytes, as: UTF8.self), hart: generalHart, control: control)
      tellNotices()
    }
    // A command may have moved the machine.
    lastStop = StopReport(hart: target.currentHart, cause: .stepped)
    return reply
  }
}
