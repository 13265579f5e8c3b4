// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// A debugger that speaks the protocol to `rrtool replay --gdb`, packet by packet.
final class DebugClient {
  private let program: HostProgram
  private let socket: ClientSocket
  private var received: [UInt8] = []
  /// What the tool wrote on the debugger's console so far.
  private(set) var console = ""

  /// What a stop reply says.
  struct Stop: Equatable {
    var signal: String
    var fields: [String: String]

    /// Threads count from 1.
    var hart: Int { (Int(fields["thread"] ?? "", radix: 16) ?? 0) - 1 }
    var pc: UInt64? { fields["20"].flatMap(DebugClient.register) }
  }

  /// Serves the recording `name` of `scratch`, and connects.
  init(_ scratch: Scratch, replaying name: String, _ options: String...) throws {
    let path = scratch.path("gdb-\(UUID().uuidString.prefix(8))")
    program = try scratch.start(
      [Place.tool.path, "replay", scratch.path(name), "--gdb", "unix:\(path)"] + options)
    socket = try ClientSocket(path, patience: 300, of: program)
    #expect(try request("QStartNoAckMode") == "OK")
  }

  /// Connects to a guest that runs in `program`, which serves debuggers at `path`.
  init(to path: String, of program: HostProgram) throws {
    self.program = program
    socket = try ClientSocket(path, patience: 100, of: program)
    #expect(try request("QStartNoAckMode") == "OK")
  }

  /// Leaves a guest that runs on.
  func leave() throws { #expect(try request("D") == "OK") }

  /// Is gone without a word.
  func vanish() { socket.hangUp() }

  /// Ctrl-C, while the guest runs.
  func interrupt() throws -> Stop {
    sendBytes([3])
    return Self.stop(try reply())
  }

  /// Leaves, and waits for the tool to end.
  func detach() throws -> ProgramResult {
    #expect(try request("D") == "OK")
    return try program.waitForResult()
  }

  func hangUp() throws -> ProgramResult {
    socket.hangUp()
    return try program.waitForResult()
  }

  // MARK: Packets

  func send(_ payload: String) { sendBytes(Self.frame(payload)) }

  func sendBytes(_ bytes: [UInt8]) { _ = socket.send(bytes) }

  /// Sends a packet and answers its reply; what comes for the console before it is kept there.
  func request(_ payload: String) throws -> String {
    send(payload)
    return try reply()
  }

  func reply() throws -> String {
    while true {
      let packet = try nextPacket()
      guard packet.first == "O", packet != "OK" else { return packet }
      console += Self.text(packet.dropFirst())
    }
  }

  private func nextPacket() throws -> String {
    while true {
      if let start = received.firstIndex(of: UInt8(ascii: "$")),
        let end = received[start...].firstIndex(of: UInt8(ascii: "#")), received.count > end + 2
      {
        let payload = received[(start + 1)..<end]
        received.removeFirst(end + 3)
        return String(decoding: payload, as: UTF8.self)
      }
      received += try #require(socket.receive(), "the tool closed the connection, or did not answer")
    }
  }

  static func frame(_ payload: String) -> [UInt8] {
    let sum = payload.utf8.reduce(0) { $0 &+ $1 }
    let digits = String(sum, radix: 16)
    return Array("$\(payload)#\(sum < 16 ? "0" : "")\(digits)".utf8)
  }

  private static func text(_ digits: Substring) -> String {
    let values = digits.compactMap(\.hexDigitValue)
    let bytes = stride(from: 0, to: values.count - 1, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
    return String(decoding: bytes, as: UTF8.self)
  }

  // MARK: What a debugger does

  func resume(_ payload: String) throws -> Stop {
    let reply = try request(payload)
    try #require(reply.hasPrefix("T"), "\(payload): \(reply)")
    return Self.stop(reply)
  }

  static func stop(_ reply: String) -> Stop {
    var fields: [String: String] = [:]
    for field in reply.dropFirst(3).split(separator: ";") {
      let parts = field.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      fields[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
    }
    return Stop(signal: String(reply.dropFirst().prefix(2)), fields: fields)
  }

  func monitor(_ command: String) throws -> String {
    console = ""
    let digits = command.utf8.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    #expect(try request("qRcmd,\(digits)") == "OK")
    return console
  }

  func seek(_ position: String) throws { _ = try monitor("seek \(position)") }

  func position() throws -> UInt64 {
    let words = try monitor("when").split(separator: " ")
    return try #require(UInt64(words[1].filter { $0 != "," }))
  }

  func programCounter() throws -> UInt64 { try #require(Self.register(try request("p20"))) }

  /// A 64-bit word of memory.
  func word(_ address: UInt64) throws -> UInt64 {
    try #require(Self.register(try request("m\(String(address, radix: 16)),8")))
  }

  /// A register's value from its bytes, lowest first.
  static func register(_ digits: String) -> UInt64? {
    guard digits.count == 16 else { return nil }
    let values = digits.compactMap(\.hexDigitValue)
    guard values.count == 16 else { return nil }
    return stride(from: 14, through: 0, by: -2).reduce(0) {
      $0 << 8 | UInt64(values[$1] << 4 | values[$1 + 1])
    }
  }
}
