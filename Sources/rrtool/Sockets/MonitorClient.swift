// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Glibc
import HostSystem
import Monitor

/// The other end of a monitor's socket: sends commands in QMP and waits for their answers.
final class MonitorClient {
  let descriptor: Int32
  let path: String
  private var framer = JSONFramer()
  private var values: [JSONValue] = []
  private var lastID: Int64 = 0
  /// Called with what comes in between: events.
  var hear: (JSONValue) -> Void = { _ in }

  /// Connects, and gets to where commands are taken.
  ///
  /// - Parameter socket: PATH or `unix:PATH`.
  init(_ socket: String) throws(Failure) {
    let path = socket.hasPrefix("unix:") ? String(socket.dropFirst(5)) : socket
    self.path = path
    signal(SIGPIPE, SIG_IGN)
    let address = try SocketAddress(path: path)
    descriptor = try address.makeSocket(blocking: true) { (descriptor) throws(Failure) in
      guard address.withPointer({ connect(descriptor, $0, $1) }) != 0 else { return }
      let problem = errno
      throw Failure(
        .file, "unix:\(path)", "cannot connect: \(String(cString: strerror(problem)))",
        remedy: problem == ENOENT || problem == ECONNREFUSED
          ? "start rrtool with --qmp unix:\(path) first" : "check the path and the permissions of its folder")
    }
    guard try next()["QMP"] != nil else {
      throw Failure(
        .file, "unix:\(path)", "is no monitor: it greets otherwise", remedy: "name one that --qmp made")
    }
    _ = try execute("qmp_capabilities", [:])
  }

  deinit { close(descriptor) }

  /// Carries out a command and answers its result. An error of the monitor's is thrown in its words.
  func execute(_ command: String, _ arguments: JSONValue) throws(Failure) -> JSONValue {
    lastID += 1
    try send(["execute": .string(command), "arguments": arguments, "id": .integer(lastID)])
    while true {
      let value = try next()
      guard value["event"] == nil else {
        hear(value)
        continue
      }
      guard value["id"] == .integer(lastID) else { continue }
      if let result = value["return"] { return result }
      throw Failure(.file, command, value["error"]?["desc"]?.string ?? "failed", remedy: "see 'help'")
    }
  }

  /// The answer of the human monitor to a line.
  func carryOut(_ line: String) throws(Failure) -> String {
    let text = try execute("human-monitor-command", ["command-line": .string(line)]).string ?? ""
    return text.split(separator: "\r\n", omittingEmptySubsequences: false).joined(separator: "\n")
  }

  /// How a line may go on.
  func complete(_ line: String) throws(Failure) -> Completion {
    let result = try execute("__rrtool_complete", ["line": .string(line)])
    return Completion(
      start: Int(clamping: result["start"]?.unsigned ?? 0),
      candidates: result["candidates"]?.array?.compactMap(\.string) ?? [])
  }

  /// Hears what has come without being asked for. False when the monitor is gone.
  func hearEvents() -> Bool {
    do throws(Failure) {
      try receive()
      while !values.isEmpty { hear(values.removeFirst()) }
      return true
    } catch {
      return false
    }
  }

  private var goneFailure: Failure {
    Failure(.file, "unix:\(path)", "the monitor is gone", remedy: "the run has ended, or cut this client off")
  }

  private func send(_ value: JSONValue) throws(Failure) {
    let bytes = Array(value.text.utf8) + [UInt8(ascii: "\n")]
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count > 0 { sent += count } else if errno != EINTR { throw goneFailure }
    }
  }

  private func next() throws(Failure) -> JSONValue {
    while values.isEmpty { try receive() }
    return values.removeFirst()
  }

  /// Waits for bytes, and takes what is complete.
  private func receive() throws(Failure) {
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    if count < 0, errno == EINTR { return }
    guard count > 0 else { throw goneFailure }
    for item in framer.feed(buffer[..<count]) {
      guard case .text(let text) = item, let value = try? JSONParser.parse(text[...]) else {
        throw Failure(.damaged, "unix:\(path)", "does not speak QMP", remedy: "name a socket that --qmp made")
      }
      values.append(value)
    }
  }
}
