import Foundation
import TestSupport
import Testing

/// A client of a Unix socket, byte by byte: what a library would not send.
final class MonitorSocket {
  private let descriptor: Int32
  private var received: [UInt8] = []
  /// Events that came while something else was waited for.
  private var events: [[String: Any]] = []

  /// Connects as soon as somebody listens there, for a minute at most.
  ///
  /// - Parameter patience: how many seconds it waits for something to come.
  init(_ path: String, patience: Int = 30) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let descriptor = descriptor
    try waitUntil("somebody listens at \(path)") {
      withUnsafePointer(to: address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      } == 0
    }
    var limit = timeval(tv_sec: patience, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(descriptor) }

  /// False when the other end has closed.
  @discardableResult
  func send(_ bytes: some Sequence<UInt8>) -> Bool {
    let bytes = Array(bytes)
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { return false }
      sent += count
    }
    return true
  }

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
      var buffer = [UInt8](repeating: 0, count: 65536)
      let count = recv(descriptor, &buffer, buffer.count, 0)
      guard count > 0 else { return nil }
      received += buffer[..<count]
    }
  }

  /// The next line as a JSON object; nil when there is none.
  func next() throws -> [String: Any]? {
    guard let line = receive(until: "\n") else { return nil }
    return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
  }

  /// Sends a command, and answers what it returned; nil when that was an error.
  func ask(_ command: String, _ arguments: String = "{}") throws -> Any? {
    send(#"{"execute": "\#(command)", "arguments": \#(arguments)}"# + "\n")
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

  /// Passes the greeting and the negotiation.
  func negotiate() throws {
    #expect(try next()?["QMP"] != nil)
    #expect(try ask("qmp_capabilities") != nil)
  }
}

struct ProblemWithMonitor: Error {
  let what: String
}
