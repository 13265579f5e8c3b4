// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import GDBRemote
import Monitor
import RecordingStore

/// Parsers of what clients say. Commands are taken apart, and not carried out: some of them write files and start programs.
extension FuzzTarget {
  /// Lines are payloads of packets, whose frames are put around them; all bytes as they are come behind.
  static func servePackets(_ bytes: [UInt8]) {
    let packets = bytes.split(separator: UInt8(ascii: "\n")).flatMap { Packet.frame($0) }
    let connection = BytesConnection(packets + bytes)
    let session = RemoteSession(target: BlankTarget(), connection: connection)
    _ = session.serve()
  }

  static func readJSON(_ bytes: [UInt8]) throws {
    var framer = JSONFramer()
    for item in framer.feed(bytes) {
      guard case .text(let text) = item else { continue }
      let value = try JSONParser.parse(text[...])
      var written: [UInt8] = []
      value.append(to: &written)
      precondition(
        (try? JSONParser.parse(written[...])) == value, "a value that is read is written as it was")
    }
  }

  static func readCommands(_ bytes: [UInt8]) {
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      _ = try? HumanMonitor.parse(String(line))
      _ = try? Expression.evaluate(String(line)) { (name) in name == "pc" ? 0x8000_0000 : nil }
      _ = PositionExpression(String(line))
    }
  }
}

/// A connection whose client has said everything before it went.
private final class BytesConnection: RemoteConnection {
  private var bytes: [UInt8]
  init(_ bytes: [UInt8]) { self.bytes = bytes }
  func read() -> [UInt8] {
    defer { bytes = [] }
    return bytes
  }
  func readAvailable() -> [UInt8]? { bytes.isEmpty ? nil : read() }
  func write(_ bytes: [UInt8]) {}
}

/// Two harts that never move.
private final class BlankTarget: DebugTarget {
  let hartCount = 2
  let currentHart = 0
  let registers = RegisterSet(
    integerNames: (0..<32).map { "x\($0)" }, floatingPointNames: (0..<32).map { "f\($0)" },
    controlAndStatus: [.init(number: 0x300, name: "mstatus")])
  private var memory = [UInt8](repeating: 0, count: 4096)

  func describe(hart: Int) -> String { "M" }
  func readRegister(_ number: Int, hart: Int) -> UInt64? { number < 66 ? UInt64(number) : nil }
  func writeRegister(_ number: Int, hart: Int, value: UInt64) -> Bool { number < 66 }
  func readMemory(at address: UInt64, count: Int, hart: Int) -> [UInt8] {
    address < 4096 ? Array(memory[Int(address)...].prefix(count)) : []
  }
  func writeMemory(at address: UInt64, _ bytes: ArraySlice<UInt8>, hart: Int) -> Bool {
    guard address < 4096, bytes.count <= 4096 - Int(address) else { return false }
    memory.replaceSubrange(Int(address)..<Int(address) + bytes.count, with: bytes)
    return true
  }
  func resume(_ motion: Motion, stops: RequestedStops, control: MotionControl) -> StopReport {
    for stop in stops.breakpoints { _ = control.meetsConditions(0, stop.address) }
    return StopReport(hart: 0, cause: .stepped)
  }
  func monitor(_ command: String, hart: Int, control: MotionControl) {}
  func takeNotices() -> [String] { [] }
}
