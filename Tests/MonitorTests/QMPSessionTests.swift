// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Execution
import Foundation
import HostSystem
import Monitor
import Synchronization
import TestSupport
import Testing

/// The conversation of one client with a real machine that has not started yet.
@Suite struct QMPSessionTests {
  private func talk(_ body: (Client) throws -> Void) throws {
    let run = try IdleRun()
    defer { run.finish() }
    let client = Client(run.target)
    defer { client.session.end() }
    try body(client)
  }

  @Test func greetsAndNegotiates() throws {
    try talk { client in
      let greeting = try #require(client.next()["QMP"])
      #expect(greeting["version"]?["qemu"]?["major"]?.unsigned != nil)
      #expect(greeting["capabilities"] == [])
      let early = client.ask(#"{"execute": "query-status"}"#)
      #expect(early["error"]?["class"] == "CommandNotFound")
      #expect(
        client.ask(#"{"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]}}"#)["error"] != nil)
      #expect(client.ask(#"{"execute": "qmp_capabilities"}"#) == ["return": [:]])
      #expect(client.ask(#"{"execute": "qmp_capabilities"}"#)["error"]?["class"] == "CommandNotFound")
      #expect(
        client.ask(#"{"execute": "query-status", "id": {"a": [1]}}"#)
          == ["return": ["status": "prelaunch", "running": false], "id": ["a": [1]]])
    }
  }

  @Test(arguments: [
    (#"{"execute": "nope", "id": 3}"#, "CommandNotFound", "The command nope has not been found"),
    (#"[]"#, "GenericError", "QMP input must be a JSON object"),
    (#"{}"#, "GenericError", "QMP input lacks member 'execute'"),
    (#"{"execute": 1}"#, "GenericError", "QMP input member 'execute' must be a string"),
    (#"{"execute": "stop", "extra": 1}"#, "GenericError", "QMP input member 'extra' is unexpected"),
    (
      #"{"execute": "stop", "arguments": []}"#, "GenericError",
      "QMP input member 'arguments' must be an object"
    ),
    (#"{"execute": "stop", "arguments": {"x": 1}}"#, "GenericError", "Parameter 'x' is unexpected"),
    (#"{"execute": "replay-seek"}"#, "GenericError", "Parameter 'icount' is missing"),
    (
      #"{"execute": "replay-seek", "arguments": {"icount": "1"}}"#, "GenericError",
      "Invalid parameter type for 'icount', expected: integer"
    ),
    (
      #"{"execute": "replay-seek", "arguments": {"icount": 1.5}}"#, "GenericError",
      "Invalid parameter type for 'icount', expected: integer"
    ),
    (#"{"execute": "job-dismiss", "arguments": {"id": "none"}}"#, "DeviceNotActive", "Job not found"),
    (
      #"{"execute": "snapshot-save", "arguments": {"job-id": "1x", "tag": "a"}}"#, "GenericError",
      "Invalid job ID '1x'"
    ),
    (
      #"{"execute": "snapshot-save", "arguments": {"job-id": "a", "tag": "a", "devices": [1]}}"#,
      "GenericError", "Invalid parameter type for 'devices', expected: array"
    ),
    (
      #"{"execute": "human-monitor-command", "arguments": {"command-line": "stop", "cpu-index": 9}}"#,
      "GenericError", "there is no hart 9: the machine has 2"
    ),
    (
      #"{"execute": "stop" "x"}"#, "GenericError",
      "JSON parse error, a comma or the object's end is missing (at byte 19)"
    ),
  ]) func refuses(request: String, kind: String, description: String) throws {
    try talk { client in
      client.negotiate()
      let answer = client.ask(request)
      #expect(answer["error"] == ["class": .string(kind), "desc": .string(description)])
    }
  }

  @Test func everyCommandOfTheListIsThere() throws {
    try talk { client in
      client.negotiate()
      let names =
        client.ask(#"{"execute": "query-commands"}"#)["return"]?.array?.compactMap { $0["name"]?.string }
        ?? []
      #expect(names.count > 20 && names == names.sorted())
      for name in [
        "query-status", "stop", "cont", "system_reset", "quit", "query-block", "replay-seek",
        "qmp_capabilities",
      ] {
        #expect(names.contains(name))
      }
      for name in names where name != "quit" {
        let answer = client.ask(#"{"execute": "\#(name)", "arguments": {"no such": null}}"#)
        let description = answer["error"]?["desc"]?.string
        #expect(
          description == "Parameter 'no such' is unexpected"
            || description == "Capabilities negotiation is already complete, command ignored", "\(name)")
      }
    }
  }

  /// The schema has the commands that there are, knows their arguments, and describes what they answer.
  @Test func schemaIsTrue() throws {
    try talk { client in
      client.negotiate()
      func ask(_ name: String) -> JSONValue? { client.ask(#"{"execute": "\#(name)"}"#)["return"] }
      let schema = ask("query-qmp-schema")?.array ?? []
      var types: [String: JSONValue] = [:]
      for entry in schema {
        #expect(types.updateValue(entry, forKey: entry["name"]?.string ?? "") == nil, "\(entry)")
      }
      func isCommand(_ entry: JSONValue) -> Bool { entry["meta-type"] == "command" }
      let listed = ask("query-commands")?.array?.compactMap { $0["name"]?.string } ?? []
      #expect(schema.filter(isCommand).compactMap { $0["name"]?.string } == listed)
      for entry in schema {
        // Types are told before they are used.
        for key in ["arg-type", "ret-type", "element-type"] {
          if let name = entry[key]?.string { #expect(types[name] != nil, "\(entry)") }
        }
        guard isCommand(entry), let name = entry["name"]?.string, name != "qmp_capabilities" else { continue }
        for member in types[entry["arg-type"]?.string ?? ""]?["members"]?.array ?? [] {
          let parameter = member["name"]?.string ?? ""
          let answer = client.ask(#"{"execute": "\#(name)", "arguments": {"\#(parameter)": {}}}"#)
          #expect(
            answer["error"]?["desc"]?.string?.hasPrefix("Invalid parameter type for '\(parameter)'") == true,
            "\(name): \(answer)")
        }
        guard name.hasPrefix("query-"), let answer = ask(name) else { continue }
        #expect(
          Self.problem(of: answer, as: entry["ret-type"]?.string ?? "", types) == nil, "\(name): \(answer)")
      }
      #expect(schema.contains { $0["name"] == "DUMP_COMPLETED" && $0["meta-type"] == "event" })
    }
  }

  /// Why a value is not of the type of a schema; nil when it is.
  private static func problem(of value: JSONValue, as type: String, _ types: [String: JSONValue]) -> String? {
    let entry = types[type]
    switch (entry?["meta-type"]?.string, entry?["json-type"]?.string, value) {
    case ("builtin", "value", _), ("builtin", "string", .string), ("builtin", "boolean", .bool),
      ("builtin", "int", .integer), ("builtin", "int", .unsigned), ("builtin", "number", .integer),
      ("builtin", "number", .double):
      return nil
    case ("enum", _, .string): return entry?["values"]?.array?.contains(value) == true ? nil : "\(value)"
    case ("array", _, .array(let values)):
      return values.lazy.compactMap { problem(of: $0, as: entry?["element-type"]?.string ?? "", types) }.first
    case ("object", _, .object(let given)):
      let members = entry?["members"]?.array ?? []
      for member in members where member["default"] == nil {
        guard value[member["name"]?.string ?? ""] != nil else { return "\(member) is missing" }
      }
      for one in given {
        guard let member = members.first(where: { $0["name"]?.string == one.name }) else { return one.name }
        if let problem = problem(of: one.value, as: member["type"]?.string ?? "", types) { return problem }
      }
      return nil
    default: return "\(value) is no \(type)"
    }
  }

  @Test func stopAndContAreHeardOf() throws {
    try talk { client in
      client.negotiate()
      #expect(
        client.ask(#"{"execute": "stop"}"#) == ["return": [:]],
        "nothing happens to a machine that has not begun")
      client.session.receive(Array(#"{"execute": "cont"}{"execute": "stop"}"#.utf8))
      let heard = (0..<4).map { _ in client.next() }
      #expect(heard.compactMap { $0["event"]?.string } == ["RESUME", "STOP"])
      #expect(heard.filter { $0["return"] != nil }.count == 2)
      let times = heard.compactMap { $0["timestamp"]?["seconds"]?.unsigned }
      #expect(times.count == 2 && times.allSatisfy { $0 > 1_700_000_000 })
    }
  }

  @Test func jobsAreToldOfAndKeptUntilDismissed() throws {
    try talk { client in
      client.negotiate()
      let request =
        #"{"execute": "snapshot-save", "arguments": {"job-id": "j", "tag": "t", "vmstate": "v", "devices": []}}"#
      client.session.receive(Array(request.utf8))
      var states: [String] = []
      while states.last != "concluded" {
        let value = client.next()
        if let status = value["data"]?["status"]?.string { states.append(status) }
      }
      // A run of which nothing is kept has nowhere to keep a snapshot.
      #expect(states == ["created", "running", "aborting", "concluded"])
      let jobs = client.ask(#"{"execute": "query-jobs"}"#)["return"]?.array ?? []
      #expect(jobs.count == 1 && jobs[0]["error"]?.string?.contains("not recorded") == true)
      client.session.receive(Array(request.utf8))
      #expect(client.next()["error"]?["desc"] == "Job ID 'j' already in use")
      client.session.receive(Array(#"{"execute": "job-dismiss", "arguments": {"id": "j"}}"#.utf8))
      #expect(client.next()["data"]?["status"] == "null")
      #expect(client.next() == ["return": [:]])
      #expect(client.ask(#"{"execute": "query-jobs"}"#) == ["return": []])
    }
  }

  /// Whatever bytes come, each answer is JSON in a line, and a sane request afterwards is answered.
  @Test func anyBytesAreSurvived() throws {
    for seed in 0..<20 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      try talk { client in
        client.negotiate()
        let pieces = [
          "{", "}", "[", "]", "\"", "\\", ":", ",", "\n", "{\"execute\": \"query-status\"}", "{\"execute\":",
          "\"arguments\"", "null", "1e9",
          "\u{1}",
          "{\"execute\": \"human-monitor-command\", \"arguments\": {\"command-line\": \"x /9999999xg $\"}}",
        ]
        for _ in 0..<100 {
          if Int.random(in: 0..<10, using: &generator) == 0 {
            client.session.receive((0..<20).map { _ in UInt8.random(in: 0...255, using: &generator) })
          } else {
            client.session.receive(Array(pieces.randomElement(using: &generator)!.utf8))
          }
        }
        // A byte that is in no text, and an end of line, get the reader out of whatever it is in.
        client.session.receive([0xff, 0x0a])
        client.session.receive(Array(#"{"execute": "query-name", "id": "sane"}"#.utf8))
        while true {
          let value = client.next()
          if value["id"] == "sane" {
            #expect(value["return"] == ["name": "echo"], "seed \(seed)")
            break
          }
        }
      }
    }
  }
}

/// A machine of two harts that has not started, on a thread of its own.
final class IdleRun: Sendable {
  let target: MonitorTarget
  private let thread: HostThread

  init() throws {
    var guest = Guest(name: "echo", memorySize: 16 << 20, hartCount: 2, shift: 3, sleeps: true)
    let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "fixtures/guests/built")
    try guest.load(.bios, from: fixtures.appending(path: "echo.elf").path)
    let inbox = Inbox()
    inbox.openSource()
    let control = RunControl(inbox: inbox, isPaused: true)
    target = MonitorTarget(control)
    let ready = guest
    thread = HostThread {
      // The fixture is there: it was read above.
      _ = try! PlainRun(ready, inbox: inbox, console: NullConsoleOutput(), control: control).run()
    }
  }

  func finish() {
    target.control.quit()
    thread.join()
  }
}

/// A client of a session, in the same process.
final class Client: Sendable {
  private let lines: Lines
  let session: QMPSession

  init(_ target: MonitorTarget) {
    let lines = Lines()
    self.lines = lines
    session = QMPSession(target) { bytes in lines.add(bytes) }
  }

  /// The next line that came, as a value.
  func next() -> JSONValue { lines.next() }

  /// The next answer to a request, events left out.
  func ask(_ request: String) -> JSONValue {
    session.receive(Array(request.utf8) + [0x0a])
    while true {
      let value = next()
      if value["event"] == nil { return value }
    }
  }

  func negotiate() {
    _ = next()
    _ = ask(#"{"execute": "qmp_capabilities"}"#)
  }

  private final class Lines: @unchecked Sendable {
    // Sendable: `values` is touched with `lock` held.
    private let lock = ConditionLock()
    private var values: [JSONValue] = []

    func add(_ bytes: [UInt8]) {
      precondition(bytes.suffix(2) == [0x0d, 0x0a], "an answer is a line")
      // What is sent is JSON, or the test fails here.
      let value = try! JSONParser.parse(bytes[...])
      lock.withLock {
        values.append(value)
        lock.wakeAll()
      }
    }

    func next() -> JSONValue {
      lock.withLock {
        while values.isEmpty { lock.wait() }
        return values.removeFirst()
      }
    }
  }
}
