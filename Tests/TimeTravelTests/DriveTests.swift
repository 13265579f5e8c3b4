// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Execution
import HostSystem
import RecordingStore
import RunSupport
import TestSupport
import Testing
import TimeTravel

/// The disk rules: what is written where, what is refused, and what stays as it was.
@Suite struct DriveTests {
  private func pattern(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }
  }

  private func file(_ path: String, _ format: ImageFormat? = nil, overlay: DriveOptions.Overlay = .automatic)
    -> DriveOptions
  {
    DriveOptions(source: .file(path, format: format), overlay: overlay)
  }

  @Test(arguments: [
    ("file=a.img", DriveOptions(source: .file("a.img", format: nil))),
    (
      "file=a,,b,format=raw,overlay=o.qcow2",
      DriveOptions(source: .file("a,b", format: .raw), overlay: .file("o.qcow2"))
    ),
    ("format=qcow2,file=x,overlay=none", DriveOptions(source: .file("x", format: .qcow2), overlay: .none)),
    ("file=x,readonly=on", DriveOptions(source: .file("x", format: nil), readOnly: true)),
  ])
  func optionsAreRead(text: String, expected: DriveOptions) throws {
    #expect(try DriveOptions(parsing: text) == expected)
  }

  @Test(arguments: [
    "", "file", "file=", "format=raw", "file=a,file=b", "file=a,format=vmdk", "file=a,readonly=maybe",
    "file=a,speed=9", "file=a,overlay=none,readonly=on", "file=a,overlay=", "file=a,",
  ])
  func badOptionsAreRefused(text: String) {
    let failure = #expect(throws: Failure.self) { try DriveOptions(parsing: text) }
    #expect(failure?.kind == .usage)
  }

  @Test func aRawBaseIsNeverWritten() throws {
    let recorded = try RecordedGuest("diskcheck") { folder in
      [file(try folder.write("base.img", pattern(1 << 20)))]
    }
    #expect(recorded.result.ending.status == 0, "\(recorded.output.text)")
    #expect(try readFile(recorded.folder.file("base.img")) == pattern(1 << 20))
    let chain = try runProgram(["qemu-img", "info", "--backing-chain", recorded.path + "/disk0.qcow2"])
    #expect(chain.status == 0 && chain.everything.contains("base.img"), "\(chain.everything)")
    #expect(try recorded.replay().output == recorded.output.text)
  }

  @Test func aChangedBaseIsFoundBeforeAnythingRuns() throws {
    let recorded = try RecordedGuest("diskcheck") { folder in
      [file(try folder.write("base.img", pattern(1 << 20)))]
    }
    var changed = pattern(1 << 20)
    // The guest has never been there.
    changed[777_777] ^= 1
    _ = try recorded.folder.write("base.img", changed)
    #expect(try recorded.replay().output == recorded.output.text)
    // There it has.
    changed[77_777] ^= 1
    _ = try recorded.folder.write("base.img", changed)
    let failure = #expect(throws: Failure.self) { try Timeline(recorded.recording) }
    #expect(failure?.kind == .baseChanged)
    #expect(failure?.subject.hasSuffix("base.img") == true)
    _ = try recorded.folder.write("base.img", pattern(1 << 20) + [0])
    #expect(throws: Failure.self) { try Timeline(recorded.recording) }
    try HostFiles.removeFile(recorded.folder.file("base.img"))
    #expect(throws: Failure.self) { try Timeline(recorded.recording) }
    _ = try recorded.folder.write("base.img", pattern(1 << 20))
    _ = try recorded.replay()
  }

  /// However far into the reading of a disk the changed place is, it is found when it is read, and by `verify`.
  @Test func aChangeIsFoundWhereverItIs() throws {
    let size = 64 << 16
    let recorded = try RecordedGuest("diskcheck") { folder in
      [file(try folder.write("base.img", pattern(size)))]
    }
    let path = recorded.path + "/bases.digests"
    let bytes = try readFile(path)
    #expect(bytes.count > 16 + 24 && (bytes.count - 16) % 24 == 0)
    for start in stride(from: 16, to: bytes.count, by: 24) {
      let cluster = Int(bytes[start])
      var changed = pattern(size)
      changed[cluster << 16 + 5] ^= 1
      _ = try recorded.folder.write("base.img", changed)
      var verification = Verification(try recorded.recording)
      verification.run(quickly: false)
      #expect(verification.problems.first?.kind == .baseChanged, "cluster \(cluster)")
      #expect(verification.problems.first?.problem.contains((UInt64(cluster) << 16).grouped) == true)
    }
    _ = try recorded.folder.write("base.img", pattern(size))
    // An entry that is changed or missing is found too; half of one is what a killed recorder leaves.
    for (damaged, isFound) in [
      (Array(bytes.dropLast(24)), true), (bytes.enumerated().map { $0 == 30 ? $1 ^ 1 : $1 }, true),
      (bytes + bytes.suffix(7), false), (Array(bytes.prefix(9)), true),
    ] {
      _ = try recorded.folder.write("guest.rr/bases.digests", damaged)
      let failure = Result { try Timeline(recorded.recording) }
      #expect(((try? failure.get()) == nil) == isFound, "\(damaged.count) of \(bytes.count) bytes")
    }
  }

  /// The recording and its image go together, or the image goes alone and the recording is told.
  @Test func basesMayMove() throws {
    let recorded = try RecordedGuest("diskcheck") { folder in
      [file(try folder.write("base.img", pattern(1 << 20)))]
    }
    let other = TestFolder()
    try HostFiles.move(recorded.path, to: other.file("moved.rr"))
    try HostFiles.move(recorded.folder.file("base.img"), to: other.file("base.img"))
    _ = try Timeline(Recording(opening: other.file("moved.rr"))).run()
    try HostFiles.move(other.file("base.img"), to: other.file("renamed.img"))
    var moved = try Recording(opening: other.file("moved.rr"))
    #expect(throws: Failure.self) { try Timeline(moved) }
    _ = try other.write("wrong.img", pattern(1 << 20).map { $0 ^ 1 })
    let old = recorded.folder.file("base.img")
    #expect(throws: Failure.self) { try moved.rebase([(old: old, new: other.file("wrong.img"))]) }
    #expect(throws: Failure.self) { try moved.rebase([(old: "/no/base", new: other.file("renamed.img"))]) }
    try moved.rebase([(old: old, new: other.file("renamed.img"))])
    _ = try Timeline(Recording(opening: other.file("moved.rr"))).run()
  }

  /// A run that leaves a replay counts on what the replay has read, and on what it reads itself.
  @Test func aBranchKnowsWhatWasRead() throws {
    let recorded = try RecordedGuest("diskcheck") { folder in
      [file(try folder.write("base.img", pattern(1 << 20)))]
    }
    let timeline = try Timeline(recorded.recording)
    try timeline.seek(to: recorded.result.ending.position / 2)
    let branch = recorded.folder.file("branch.rr")
    let recorder = try Recorder(
      leaving: timeline, Recorder.Options(output: branch), inbox: Inbox(), console: KeptOutput())
    #expect(try recorder.run().ending.status == 0)
    _ = try Timeline(Recording(opening: branch)).run()
    let entries = (try readFile(branch + "/bases.digests").count - 16) / 24
    #expect(entries == (try readFile(recorded.path + "/bases.digests").count - 16) / 24)
    var changed = pattern(1 << 20)
    changed[5] ^= 1
    _ = try recorded.folder.write("base.img", changed)
    #expect(throws: Failure.self) { try Timeline(Recording(opening: branch)) }
  }

  @Test func aChainOfBasesIsKnownWhole() throws {
    let recorded = try RecordedGuest("diskcheck") { folder in
      let base = try folder.write("base.img", pattern(1 << 20))
      try Qcow2Image.create(
        at: folder.file("middle.qcow2"), size: 1 << 20, backing: (name: base, format: .raw))
      return [file(folder.file("middle.qcow2"))]
    }
    #expect(try recorded.recording.manifest.drives[0].bases.count == 2)
    _ = try recorded.replay()
    _ = try recorded.folder.write("base.img", pattern((1 << 20) - 512) + [UInt8](repeating: 1, count: 512))
    #expect(throws: Failure.self) { try Timeline(recorded.recording) }
  }

  @Test func anOverlayOfItsOwnIsUsed() throws {
    let recorded = try RecordedGuest("diskcheck") { folder in
      [file(try folder.write("base.img", pattern(1 << 20)), overlay: .file(folder.file("mine.qcow2")))]
    }
    #expect(recorded.folder.names.contains("mine.qcow2"))
    #expect(!(try HostFiles.names(in: recorded.path)).contains("disk0.qcow2"))
    _ = try recorded.replay()
  }

  @Test func recordingIntoAQcow2ImageKeepsItsStart() throws {
    let recorded = try RecordedGuest("diskcheck", snapshotName: "clean") { folder in
      try Qcow2Image.create(at: folder.file("disk.qcow2"), size: 1 << 20)
      return [file(folder.file("disk.qcow2"), overlay: .none)]
    }
    #expect(recorded.result.ending.status == 0)
    let list = try runProgram(["qemu-img", "snapshot", "-l", recorded.folder.file("disk.qcow2")])
    #expect(list.everything.contains("clean"))
    #expect(try recorded.replay().output == recorded.output.text)
    #expect(try runProgram(["qemu-img", "check", recorded.folder.file("disk.qcow2")]).status == 0)
  }

  /// What is refused leaves no trace of the recording.
  private func expectRefusal(
    kind: Failure.Kind? = nil, snapshotName: String? = nil,
    _ drives: @escaping (TestFolder) throws -> [DriveOptions]
  ) throws {
    var kept: TestFolder?
    var before: [String] = []
    let failure = #expect(throws: Failure.self) {
      try RecordedGuest("hello", snapshotName: snapshotName) { folder in
        kept = folder
        let drives = try drives(folder)
        before = folder.names
        return drives
      }
    }
    if let kind { #expect(failure?.kind == kind) }
    #expect(kept?.names == before)
  }

  @Test func whatTheRulesForbidIsRefused() throws {
    try expectRefusal(kind: .usage, snapshotName: "clean") { folder in
      [file(try folder.write("raw.img", pattern(4096)), overlay: .none)]
    }
    try expectRefusal(kind: .usage) { folder in
      try Qcow2Image.create(at: folder.file("disk.qcow2"), size: 1 << 20)
      return [file(folder.file("disk.qcow2"), overlay: .none)]
    }
    try expectRefusal(kind: .exists) { folder in
      [
        file(
          try folder.write("raw.img", pattern(4096)),
          overlay: .file(try folder.write("there.qcow2", pattern(10))))
      ]
    }
    try expectRefusal { folder in
      let path = try folder.write("raw.img", pattern(4096))
      return [file(path, overlay: .file(path))]
    }
    try expectRefusal { folder in [file(try folder.write("empty.img", []))] }
    try expectRefusal { folder in [file(folder.file("missing.img"))] }
    try expectRefusal { folder in [file(try folder.write("foreign.qcow2", pattern(4096)), .qcow2)] }
    try expectRefusal(kind: .usage) { folder in
      let path = try folder.write("raw.img", pattern(4096))
      return (0..<8).map { _ in file(path) }
    }
    try expectRefusal(kind: .usage) { folder in
      let path = try folder.write("raw.img", pattern(4096))
      return [
        file(path, overlay: .file(folder.file("o.qcow2"))),
        file(path, overlay: .file(folder.file("o.qcow2"))),
      ]
    }
  }
}
