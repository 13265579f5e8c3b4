// SPDX-License-Identifier: Apache-2.0

import Execution
import HostSystem
import RecordingStore
import RunSupport
import TestSupport
import Testing

/// An output that exists is kept, until a new recording stands in its place.
@Suite struct RecordingFolderTests {
  private func record(
    to output: String, force: Bool, memorySize: UInt64 = 16 << 20, drives: [DriveOptions] = []
  ) throws {
    var guest = Guest(name: "hello", memorySize: memorySize, hartCount: 1, shift: 3, sleeps: false)
    try guest.load(.bios, from: fixture("hello"))
    guest.drives = drives
    let recorder = try Recorder(
      guest, Recorder.Options(output: output, force: force), inbox: Inbox(), console: NullConsoleOutput())
    _ = try recorder.run()
  }

  @Test func anExistingRecordingIsKept() throws {
    let recorded = try RecordedGuest("counter")
    let failure = #expect(throws: Failure.self) { try record(to: recorded.path, force: false) }
    #expect(failure?.kind == .exists)
    #expect(try recorded.replay().output == recorded.output.text)
  }

  @Test func forceReplacesItOnlyWhenTheNewOneCanStart() throws {
    let recorded = try RecordedGuest("counter")
    #expect(throws: Failure.self) { try record(to: recorded.path, force: true, memorySize: 3) }
    #expect(throws: Failure.self) {
      try record(
        to: recorded.path, force: true, drives: [DriveOptions(source: .file("/nonexistent/x", format: nil))])
    }
    #expect(recorded.folder.names == ["guest.rr"])
    #expect(try recorded.replay().output == recorded.output.text)
    try record(to: recorded.path, force: true)
    #expect(recorded.folder.names == ["guest.rr"])
    #expect(try recorded.replay().output != recorded.output.text)
  }

  @Test func forceReplacesNothingButRecordings() throws {
    let folder = TestFolder()
    let file = try folder.write("precious", [1, 2, 3])
    #expect(throws: Failure.self) { try record(to: file, force: true) }
    #expect(throws: Failure.self) { try record(to: folder.path, force: true) }
    #expect(try readFile(file) == [1, 2, 3])
    #expect(folder.names == ["precious"])
  }

  /// The old recording's overlay is the new one's base: replacing the one would lose the other.
  @Test func forceKeepsWhatTheNewOneReads() throws {
    let recorded = try RecordedGuest("diskcheck") { _ in [DriveOptions(source: .blank(size: 1 << 20))] }
    let base = DriveOptions(source: .file(recorded.path + "/disk0.qcow2", format: .qcow2))
    #expect(throws: Failure.self) { try record(to: recorded.path, force: true, drives: [base]) }
    #expect(try recorded.replay().output == recorded.output.text)
  }

  @Test func aMissingFolderIsNamed() throws {
    let folder = TestFolder()
    let failure = #expect(throws: Failure.self) { try record(to: folder.file("no/such.rr"), force: false) }
    #expect(failure?.subject == folder.file("no"))
  }

  @Test func theLatestRecordingIsFound() throws {
    let folder = TestFolder()
    let traces = TraceFolder(environment: { $0 == "RRTOOL_TRACE_DIR" ? folder.file("traces") : nil })
    #expect(throws: Failure.self) { try traces.latest() }
    try record(to: folder.file("a.rr"), force: false)
    try traces.setLatest(folder.file("a.rr"))
    #expect(try traces.locate(nil) == HostFiles.resolved(folder.file("a.rr")))
    try HostFiles.removeFlatFolder(folder.file("a.rr"))
    #expect(throws: Failure.self) { try traces.latest() }
    #expect(
      TraceFolder(environment: { ["XDG_DATA_HOME": "/data", "HOME": "/h"][$0] }).path == "/data/rrtool")
    #expect(TraceFolder(environment: { ["HOME": "/h"][$0] }).path == "/h/.local/share/rrtool")
  }
}
