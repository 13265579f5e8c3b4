import DiskImage
import RecordReplay
import TestSupport
import Testing

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
    changed[777_777] ^= 1
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
