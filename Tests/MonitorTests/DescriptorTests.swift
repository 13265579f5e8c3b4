// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Foundation
import HostSystem
import Monitor
import TestSupport
import Testing

/// Descriptors that a client of QMP passes, over a real socket.
@Suite struct DescriptorTests {
  /// Feeds a session from a socket as the monitor's server does.
  private final class Conversation {
    let client: Client
    private let ours: Int32
    private let theirs: Int32

    init(_ target: MonitorTarget) {
      client = Client(target)
      client.negotiate()
      (ours, theirs) = socketPair()
    }

    deinit {
      client.session.end()
      close(ours)
      close(theirs)
    }

    /// The answer to a command with which descriptors came.
    func ask(_ command: String, _ arguments: String = "{}", passing descriptors: [Int32] = []) -> JSONValue {
      #expect(
        send(
          "{\"execute\": \"\(command)\", \"arguments\": \(arguments)}\n", passing: descriptors, over: ours))
      var buffer = [UInt8](repeating: 0, count: 4096)
      let (count, came) = OwnedDescriptor.receive(from: theirs, into: &buffer)
      client.session.receive(Array(buffer[..<count]), descriptors: came)
      while true {
        let value = client.next()
        if value["event"] == nil { return value }
      }
    }

    func error(_ command: String, _ arguments: String, passing descriptors: [Int32] = []) -> String? {
      ask(command, arguments, passing: descriptors)["error"]?["desc"]?.string
    }
  }

  private static let noneCame = "No file descriptor supplied via SCM_RIGHTS"
  private let done: JSONValue = ["return": [:]]

  private func talk(_ body: (Conversation) throws -> Void) throws {
    let run = try IdleRun()
    defer { run.finish() }
    try body(Conversation(run.target))
  }

  /// A file without a name that is deleted when it is closed.
  private func makeFile(_ contents: [UInt8] = []) throws -> Int32 {
    let file = try #require(tmpfile())
    let descriptor = dup(fileno(file))
    fclose(file)
    #expect(contents.isEmpty || write(descriptor, contents, contents.count) == contents.count)
    return descriptor
  }

  private func bytes(of descriptor: Int32) -> [UInt8] {
    var status = stat()
    fstat(descriptor, &status)
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    #expect(pread(descriptor, &bytes, bytes.count, 0) == bytes.count)
    return bytes
  }

  private static func dump(_ name: String, _ more: String = "") -> String {
    "{\"paging\": false, \"protocol\": \"fd:\(name)\"\(more)}"
  }

  /// Whether a pipe has no writer left: its reader gets the end.
  private func isAtEnd(_ reader: Int32) -> Bool {
    var state = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
    return poll(&state, 1, 0) == 1 && state.revents & Int16(POLLHUP) != 0
  }

  @Test func aDumpGoesIntoADescriptor() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "descriptors-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    try talk { talk in
      for format in ["elf", "kdump-zlib"] {
        let path = folder.appending(path: format).path
        let more = ", \"format\": \"\(format)\""
        #expect(
          talk.ask("dump-guest-memory", "{\"paging\": false, \"protocol\": \"file:\(path)\"\(more)}") == done)
        let wanted = [UInt8](try Data(contentsOf: URL(filePath: path)))
        // From where it stands, and nothing of what was there behind.
        let before = [UInt8](repeating: 7, count: wanted.count * 2)
        let file = try makeFile(before)
        defer { close(file) }
        lseek(file, 5, SEEK_SET)
        #expect(talk.ask("getfd", #"{"fdname": "core"}"#, passing: [file]) == done)
        #expect(talk.ask("dump-guest-memory", Self.dump("core", more)) == done)
        #expect(bytes(of: file) == before[..<5] + wanted, "\(format)")
        #expect(Int(lseek(file, 0, SEEK_CUR)) == 5 + wanted.count)
        // It was taken.
        #expect(
          talk.error("dump-guest-memory", Self.dump("core", more))
            == "File descriptor named 'core' has not been found")
        #expect(talk.error("closefd", #"{"fdname": "core"}"#) == "File descriptor named 'core' not found")
      }
    }
  }

  /// What takes bytes one after the other gets the same.
  @Test(arguments: ["pipe", "socket", "appended"], ["elf", "kdump-zlib"])
  func aDumpGoesIntoAStream(kind: String, format: String) throws {
    let folder = try makeTemporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try talk { talk in
      let more = ", \"format\": \"\(format)\""
      #expect(
        talk.ask("dump-guest-memory", "{\"paging\": false, \"protocol\": \"file:\(folder)/core\"\(more)}")
          == done)
      let wanted = [UInt8](try Data(contentsOf: URL(filePath: folder + "/core")))
      var ends: [Int32] = [-1, -1]
      switch kind {
      case "pipe": #expect(pipe(&ends) == 0)
      case "socket": (ends[0], ends[1]) = socketPair()
      default:
        ends[0] = try makeFile([1, 2, 3])
        ends[1] = dup(ends[0])
        #expect(fcntl(ends[1], F_SETFL, O_APPEND) == 0)
      }
      #expect(talk.ask("getfd", #"{"fdname": "core"}"#, passing: [ends[1]]) == done)
      close(ends[1])
      let reader = Reader(of: ends[0], isStream: kind != "appended")
      #expect(talk.ask("dump-guest-memory", Self.dump("core", more)) == done)
      if kind == "appended" {
        #expect(bytes(of: ends[0]) == [1, 2, 3] + wanted)
      } else {
        try waitUntil("the other end is closed") { reader.isOver }
        #expect(reader.bytes == wanted)
      }
      close(ends[0])
    }
  }

  /// Reads all that comes, on a thread of its own.
  private final class Reader: @unchecked Sendable {
    // Sendable: both are touched with `lock` held.
    private let lock = NSLock()
    private var came: [UInt8] = []
    private var hasEnded = false
    var bytes: [UInt8] { lock.withLock { came } }
    var isOver: Bool { lock.withLock { hasEnded } }

    init(of descriptor: Int32, isStream: Bool) {
      guard isStream else { return }
      Thread.detachNewThread { [self] in
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
          let count = read(descriptor, &buffer, buffer.count)
          guard count > 0 else { break }
          lock.withLock { came += buffer[..<count] }
        }
        lock.withLock { hasEnded = true }
      }
    }
  }

  @Test func refusesInQEMUsWords() throws {
    try talk { talk in
      let file = try makeFile()
      defer { close(file) }
      #expect(talk.error("getfd", #"{"fdname": "a"}"#) == Self.noneCame)
      #expect(
        talk.error("getfd", #"{"fdname": "1a"}"#, passing: [file])
          == "Parameter 'fdname' expects a name not starting with a digit")
      #expect(talk.error("getfd", #"{"fdname": "a"}"#) == Self.noneCame, "the refused one is gone")
      #expect(talk.error("getfd", "{}", passing: [file]) == "Parameter 'fdname' is missing")
      #expect(talk.error("closefd", #"{"fdname": "a"}"#) == "File descriptor named 'a' not found")
      #expect(
        talk.error("dump-guest-memory", Self.dump("")) == "File descriptor named '' has not been found")
      #expect(
        talk.error("dump-guest-memory", #"{"paging": false, "protocol": "x:"}"#)
          == "Parameter 'protocol' expects file:PATH or fd:NAME")
      func human(_ line: String, passing descriptors: [Int32] = []) -> String? {
        talk.ask("human-monitor-command", "{\"command-line\": \"\(line)\"}", passing: descriptors)["return"]?
          .string
      }
      #expect(human("getfd a", passing: [file]) == "Error: \(Self.noneCame)\r\n")
      #expect(human("closefd a") == "Error: File descriptor named 'a' not found\r\n")
    }
  }

  @Test func refusesWhatCannotBeWritten() throws {
    try talk { talk in
      var ends: [Int32] = [-1, -1]
      #expect(pipe(&ends) == 0)
      #expect(talk.ask("getfd", #"{"fdname": "r"}"#, passing: [ends[0]]) == done)
      #expect(
        talk.error("dump-guest-memory", Self.dump("r"))?.hasPrefix("fd:r: is not open for writing; ") == true)
      // One whose reader has gone: an error, and no signal.
      #expect(talk.ask("getfd", #"{"fdname": "w"}"#, passing: [ends[1]]) == done)
      for descriptor in ends { close(descriptor) }
      #expect(talk.error("dump-guest-memory", Self.dump("w"))?.contains("Broken pipe") == true)
      #expect(talk.ask("query-dump")["return"]?["status"] == "failed")
    }
  }

  @Test func aStreamThatNobodyReadsCanBeCancelled() throws {
    try talk { talk in
      var ends: [Int32] = [-1, -1]
      #expect(pipe(&ends) == 0)
      #expect(talk.ask("getfd", #"{"fdname": "w"}"#, passing: [ends[1]]) == done)
      close(ends[1])
      #expect(
        talk.ask("dump-guest-memory", Self.dump("w", #", "detach": true, "format": "elf""#)) == done)
      try waitUntil("the pipe is full") {
        var waiting: Int32 = 0
        return ioctl(ends[0], UInt(FIONREAD), &waiting) == 0 && waiting >= 4096
      }
      #expect(talk.ask("query-dump")["return"]?["status"] == "active")
      #expect(talk.ask("migrate_cancel") == done)
      try waitUntil("the dump has ended") { talk.ask("query-dump")["return"]?["status"] == "failed" }
      try waitUntil("the descriptor is closed") { isAtEnd(ends[0]) }
      close(ends[0])
    }
  }

  @Test func whatNobodyNeedsIsClosed() throws {
    try talk { talk in
      func makePipe() -> (reader: Int32, writer: Int32) {
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) == 0)
        return (ends[0], ends[1])
      }
      let pipes = (0..<6).map { _ in makePipe() }
      func pass(_ command: String, _ arguments: String, _ numbers: Int...) -> JSONValue {
        defer { for number in numbers { close(pipes[number].writer) } }
        return talk.ask(command, arguments, passing: numbers.map { pipes[$0].writer })
      }
      #expect(pass("getfd", #"{"fdname": "a"}"#, 0, 1) == done)
      #expect(!isAtEnd(pipes[0].reader))
      #expect(isAtEnd(pipes[1].reader), "only the first gets a name")
      #expect(pass("getfd", #"{"fdname": "a"}"#, 2) == done)
      #expect(isAtEnd(pipes[0].reader) && !isAtEnd(pipes[2].reader), "a name is used twice")
      #expect(talk.ask("closefd", #"{"fdname": "a"}"#) == done)
      #expect(isAtEnd(pipes[2].reader))
      #expect(pass("query-status", "{}", 3)["return"] != nil)
      #expect(!isAtEnd(pipes[3].reader), "it may get a name yet")
      #expect(pass("query-status", "{}", 4)["return"] != nil)
      #expect(isAtEnd(pipes[3].reader), "another came")
      #expect(pass("getfd", #"{"fdname": "b"}"#, 5) == done)
      #expect(isAtEnd(pipes[4].reader) && !isAtEnd(pipes[5].reader))
      talk.client.session.end()
      #expect(pipes.allSatisfy { isAtEnd($0.reader) }, "the client has gone")
      for pipe in pipes { close(pipe.reader) }
    }
  }

  @Test func namesAreBounded() throws {
    try talk { talk in
      let file = try makeFile()
      defer { close(file) }
      for number in 0..<64 {
        #expect(talk.ask("getfd", "{\"fdname\": \"n\(number)\"}", passing: [file]) == done)
      }
      #expect(talk.error("getfd", #"{"fdname": "more"}"#, passing: [file])?.contains("64") == true)
      #expect(talk.ask("getfd", #"{"fdname": "n3"}"#, passing: [file]) == done)
      #expect(talk.ask("closefd", #"{"fdname": "n5"}"#) == done)
      #expect(talk.ask("getfd", #"{"fdname": "more"}"#, passing: [file]) == done)
      // More than one call takes: the system closes the rest.
      #expect(
        talk.ask("getfd", #"{"fdname": "n3"}"#, passing: [Int32](repeating: file, count: 40)) == done)
    }
  }
}
