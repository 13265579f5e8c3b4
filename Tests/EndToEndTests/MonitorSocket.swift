// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// A client of a Unix socket, byte by byte: what a library would not send.
final class MonitorSocket {
  private let socket: ClientSocket
  private var received: [UInt8] = []
  /// Events that came while something else was waited for.
  private var events: [[String: Any]] = []

  /// Connects as soon as somebody listens there, for a minute at most.
  ///
  /// - Parameter patience: how many seconds it waits for something to come.
  init(_ path: String, patience: Int = 30) throws {
    socket = try ClientSocket(path, patience: patience)
  }

  /// False when the other end has closed.
  @discardableResult
  func send(_ bytes: some Sequence<UInt8>) -> Bool { socket.send(bytes) }

  @discardableResult
  func send(_ text: String) -> Bool { send(text.utf8) }

  /// What came until `text` did, that included; nil when the other end closed before, or nothing came for too long.
  func receive(until text: String) -> String? {
    let wanted = Array(text.utf8)
    while true {
      if let range = received.firstRange(of: wanted) {
        defer { received.removeSubrange(..<range.upperBound) }
        return String(decoding: received[..<range.upperBound], as: UTF8.self)
      }
      guard let bytes = socket.receive() else { return nil }
      received += bytes
    }
  }

  /// The next line as a JSON object; nil when there is none.
  func next() throws -> [String: Any]? {
    guard let line = receive(until: "\n") else { return nil }
    return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
  }

  /// Sends a command, with descriptors if need be, and answers what it returned; nil when that was an error.
  func ask(_ command: String, _ arguments: String = "{}", passing descriptors: [Int32] = []) throws -> Any? {
    _ = socket.send(#"{"execute": "\#(command)", "arguments": \#(arguments)}"# + "\n", passing: descriptors)
    while let value = try next() {
      if value["event"] == nil { return value["return"] }
      events.append(value)
    }
    return nil
  }

  /// The next event of this name; those before it are passed over.
  func wait(for event: String) throws -> [String: Any] {
    while !events.isEmpty {
      let value = events.removeFirst()
      if value["event"] as? String == event { return value }
    }
    while let value = try next() {
      if value["event"] as? String == event { return value }
    }
    throw ProblemWithMonitor(what: "\(event) did not come")
  }

  func hangUp() { socket.hangUp() }

  /// Passes the greeting and the negotiation.
  func negotiate() throws {
    #expect(try next()?["QMP"] != nil)
    #expect(try ask("qmp_capabilities") != nil)
  }
}

struct ProblemWithMonitor: Error {
  let what: String
}
