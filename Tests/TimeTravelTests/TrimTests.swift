// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Emulator
import Foundation
import HostSystem
import RecordingStore
import ReplayLog
import RunSupport
import TestSupport
import Testing
import TimeTravel

/// A part of a recording is, wherever it is cut, what the whole one is there.
@Suite struct TrimTests {
  private static let engines: [Machine.Engine] = [.interpreter, .translator]

  /// Trims it to `places`, and compares the part with the whole run at all places between that are known.
  private func expectPart(
    of recording: Recording, _ straight: StraightRun, from first: UInt64, to last: UInt64,
    in folder: TestFolder,
    engine: Machine.Engine, without images: [String] = [], _ what: String
  ) throws {
    let path = folder.file("part.rr")
    let figures = try recording.trim(
      from: .absolute(first), to: .absolute(last), output: path, force: true, engine: engine)
    #expect(figures.start == first && figures.end == last)
    for image in images { try FileManager.default.moveItem(atPath: image, toPath: image + ".away") }
    defer {
      for image in images { try? FileManager.default.moveItem(atPath: image + ".away", toPath: image) }
    }

    let part = try Recording(opening: path)
    let isWholeEnd = last == straight.end.moment.position
    #expect(part.manifest.state == .complete && part.manifest.ending?.position == last, "\(what)")
    for engine in Self.engines {
      let timeline = try Timeline(part, engine: engine)
      #expect(
        timeline.position == first && timeline.start == first && timeline.end.position == last, "\(what)")
      for place in straight.places where place >= first && place < last {
        #expect(try timeline.run(until: place) == .position, "\(what)")
        #expect(StraightRun.State(timeline) == straight.states[place], "\(what): at \(place) on \(engine)")
      }
      #expect(try timeline.run() == (isWholeEnd ? straight.stop : .end(.limit)), "\(what) on \(engine)")
      let expected = isWholeEnd ? straight.end : straight.states[last]
      #expect(StraightRun.State(timeline) == expected, "\(what): at its end on \(engine)")
      // And back again.
      try timeline.seek(to: first)
      #expect(StraightRun.State(timeline) == straight.states[first], "\(what): back on \(engine)")
    }
    var verification = Verification(part)
    verification.run(quickly: false)
    #expect(verification.isGood && verification.remarks.isEmpty, "\(what): \(verification.problems)")
    let log = try part.openLog()
    #expect(log.isComplete, "\(what)")
    let (mine, theirs) = (log.makeCursor(), try recording.openLog().makeCursor())
    try theirs.seek(toEvent: log.firstEventNumber)
    while let event = try mine.next(), event.number + 3 < log.eventCount {
      let whole = try theirs.next()
      #expect(
        whole?.number == event.number && whole?.moment == event.moment && whole?.payload == event.payload,
        "\(what): events keep their numbers")
    }
  }

  /// Two places of a run, the first before the other: anywhere, the ends included.
  private func places(_ straight: StraightRun, _ random: inout SeededGenerator) -> (UInt64, UInt64)? {
    let known = straight.places + [straight.end.moment.position]
    for _ in 0..<100 {
      let (one, other) = (known.randomElement(using: &random)!, known.randomElement(using: &random)!)
      if one < other, straight.states[one] != nil { return (one, other) }
    }
    return nil
  }

  private func tryParts(
    of recording: Recording, count: Int, engine: Machine.Engine, without images: [String] = [], _ what: String
  ) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let straight = try StraightRun(recording, engine: engine, random: &random)
    let folder = TestFolder()
    for _ in 0..<count {
      guard let (first, last) = places(straight, &random) else { continue }
      try expectPart(
        of: recording, straight, from: first, to: last, in: folder, engine: engine, without: images,
        "\(what) from \(first) to \(last), seed \(seed)")
    }
    #expect(folder.names.allSatisfy { $0 == "part.rr" }, "\(folder.names)")
  }

  @Test(arguments: TravelledGuest.allCases, engines)
  func partsAreWhatTheWholeIs(guest: TravelledGuest, engine: Machine.Engine) throws {
    let (recording, folder) = try guest.record()
    defer { withExtendedLifetime(folder) {} }
    try tryParts(of: recording, count: 6, engine: engine, "\(guest)")
  }

  @Test(arguments: GoldenRecordingTests.paths) func recordingsOfEveryFormat(path: String) throws {
    let recording = try Recording(opening: path)
    // A ring and a branch do not start at 0, where a straight run begins.
    guard recording.manifest.boot.snapshot == nil else {
      let folder = TestFolder()
      let figures = try recording.trim(
        from: .fraction(millionths: 300_000), to: .fraction(millionths: 700_000),
        output: folder.file("part.rr"), force: false)
      let timeline = try Timeline(recording)
      try timeline.seek(to: figures.end)
      let part = try Timeline(Recording(opening: folder.file("part.rr")))
      #expect(try part.run() == .end(.limit))
      #expect(StraightRun.State(part) == StraightRun.State(timeline))
      return
    }
    try tryParts(of: recording, count: 3, engine: .automatic, path)
  }

  /// Drives over images of all kinds, with snapshots between: a part needs none of the images.
  @Test(arguments: ["raw", "copied", "chain", "into", "readOnly", "two"], engines)
  func partsOfDrives(kind: String, engine: Machine.Engine) throws {
    var policy = SnapshotPolicy()
    policy.spacing = .instructions(kind == "into" ? 0 : 700_000)
    if kind == "into" { policy = .none }
    policy.waitsForEach = true
    var generator = SeededGenerator(seed: 8)
    let disk = (0..<(2 << 20)).map { _ in UInt8.random(in: 0...255, using: &generator) }
    var images: [String] = []
    let recorded = try RecordedGuest(
      "diskcheck", digestInterval: 100_000, snapshotName: kind == "into" ? "mine" : nil, snapshots: policy
    ) { folder in
      let raw = try folder.write("low.raw", disk)
      images = [raw]
      func file(_ path: String, _ overlay: DriveOptions.Overlay = .automatic, readOnly: Bool = false)
        -> DriveOptions
      {
        DriveOptions(source: .file(path, format: nil), overlay: overlay, readOnly: readOnly)
      }
      switch kind {
      case "chain", "into":
        let top = folder.file("top.qcow2")
        images.append(top)
        // Clusters of another size than those that are copied.
        try Qcow2Image.create(at: top, size: 2 << 20, clusterSize: 4096, backing: (name: raw, format: .raw))
        return [file(top, kind == "into" ? .none : .automatic)]
      case "readOnly": return [DriveOptions(source: .blank(size: 1 << 20)), file(raw, readOnly: true)]
      case "copied": return [DriveOptions(source: .file(raw, format: nil), copyOnRead: true)]
      case "two": return [file(raw), file(raw)]
      default: return [file(raw)]
      }
    }
    try tryParts(of: try recorded.recording, count: 5, engine: engine, without: images, kind)
  }

  /// Snapshots between are there under their names, and hold what they held; no others are.
  @Test func snapshotsBetweenAreKept() throws {
    var policy = SnapshotPolicy()
    policy.spacing = .instructions(1_000_000)
    policy.waitsForEach = true
    let recorded = try RecordedGuest("diskcheck", digestInterval: 100_000, snapshots: policy) { _ in
      [DriveOptions(source: .blank(size: 1 << 20))]
    }
    let recording = try recorded.recording
    let whole = try Timeline(recording)
    try whole.seek(to: 2_345_678)
    try whole.createSnapshot("mine")
    let all = try SnapshotStore(recording).list()
    #expect(all.count > 4)
    let folder = TestFolder()
    let path = folder.file("part.rr")
    let figures = try recording.trim(
      from: .absolute(1_000_000), to: .snapshot(all[4].name), output: path, force: false)
    let part = try Recording(opening: path)
    let kept = try SnapshotStore(part).list()
    let wanted = all.filter { (1_000_000...figures.end).contains($0.moment.position) }
    #expect(wanted.last?.name == all[4].name, "one at the very end is in it")
    #expect(Set(kept.map(\.name)) == Set(wanted.map(\.name) + ["replay_init"]))
    #expect(figures.snapshotCount == wanted.count && wanted.contains { $0.name == "mine" })
    for snapshot in wanted {
      let (one, other) = (
        try Timeline(recording, from: snapshot.name), try Timeline(part, from: snapshot.name)
      )
      #expect(StraightRun.State(one) == StraightRun.State(other), "\(snapshot.name)")
      #expect(try SnapshotStore(part).find(snapshot.name).created == snapshot.created)
      for timeline in [one, other] { try timeline.run(until: figures.end) }
      #expect(StraightRun.State(one) == StraightRun.State(other), "from \(snapshot.name) to the end")
      #expect(try other.run() == .end(.limit), "\(snapshot.name)")
    }
    for image in ["vmstate.qcow2", "disk0.qcow2"] {
      let check = try runProgram(["qemu-img", "check", path + "/" + image])
      #expect(check.status == 0, "\(check.everything)")
    }
    // The same again is the same, and a part of a part is a part.
    _ = try recording.trim(
      from: .absolute(1_000_000), to: .snapshot(all[4].name), output: folder.file("again.rr"), force: false)
    for name in try HostFiles.names(in: path) {
      #expect(try readFile(path + "/" + name) == readFile(folder.file("again.rr/" + name)), "\(name)")
    }
    _ = try part.trim(
      from: .absolute(1_500_000), to: .absolute(2_500_000), output: folder.file("second.rr"), force: false)
    let second = try Timeline(try Recording(opening: folder.file("second.rr")))
    #expect(try second.run() == .end(.limit))
    try whole.seek(to: 2_500_000)
    #expect(StraightRun.State(second) == StraightRun.State(whole))
  }

  /// Parts that begin and end between two bytes of one piece of console output.
  @Test func partsWithinConsoleOutput() throws {
    let (recording, kept) = try TravelledGuest.input.record()
    defer { withExtendedLifetime(kept) {} }
    let cursor = try recording.openLog().makeCursor()
    let folder = TestFolder()
    var count = 0
    while let event = try cursor.next(), count < 10 {
      guard case .consoleOutput(let bytes) = event.payload, bytes.count > 3 else { continue }
      count += 1
      for (first, last) in [(1, 2), (1, 3), (2, 40)] as [(UInt64, UInt64)] {
        _ = try recording.trim(
          from: .absolute(event.position + first), to: .absolute(event.position + last),
          output: folder.file("part.rr"), force: true)
        let part = try Recording(opening: folder.file("part.rr"))
        #expect(try Timeline(part).run() == .end(.limit), "\(first) to \(last) behind \(event.position)")
        let (whole, back) = (try Timeline(recording), try Timeline(part))
        try whole.seek(to: event.position + last)
        try back.run()
        #expect(StraightRun.State(back) == StraightRun.State(whole))
      }
    }
    #expect(count > 0)
  }

  /// One whose recorder was killed ends where its replay does: with all of its last event, whatever that is.
  @Test func aRecordingThatWasCutOffIsTrimmed() throws {
    var lastKinds: Set<LogEventKind> = []
    for cut in 0..<20 {
      let guests = [
        try RecordedGuest("diskcheck", digestInterval: 100_000) { _ in
          [DriveOptions(source: .blank(size: 1 << 20))]
        },
        try RecordedGuest("echo", input: "hello\nworld\nquit\n", digestInterval: 20_000, sleeps: true),
      ]
      for recorded in guests {
        try recorded.rewriteLog(closing: false) { events in
          events.removeLast(min(1 + cut * (1 + events.count / 40), events.count / 2))
          lastKinds.insert(try #require(events.last?.payload.kind))
        }
        let recording = try recorded.recording
        let whole = try Timeline(recording)
        #expect(try whole.run() == .incomplete)
        let folder = TestFolder()
        let figures = try recording.trim(
          from: .fraction(millionths: 100_000), to: nil, output: folder.file("part.rr"), force: false)
        #expect(figures.end == whole.position)
        #expect(figures.end >= (try recording.openLog()).last.position)
        let part = try Timeline(try Recording(opening: folder.file("part.rr")))
        let end = whole.machine.powerOffStatus.map { LogEnd.poweredOff(status: $0) } ?? .limit
        #expect(try part.run() == .end(end), "without \(cut)")
        #expect(StraightRun.State(part) == StraightRun.State(whole), "without \(cut)")
      }
    }
    #expect(lastKinds.count >= 4, "\(lastKinds)")
  }

  @Test func whatCannotBeIsRefused() throws {
    let recorded = try RecordedGuest("hello")
    let recording = try recorded.recording
    let folder = TestFolder()
    let path = folder.file("part.rr")
    for (first, last) in [(5, 5), (6, 5)] as [(UInt64, UInt64)] {
      #expect(throws: Failure.self) {
        try recording.trim(from: .absolute(first), to: .absolute(last), output: path, force: false)
      }
    }
    #expect(throws: Failure.self) { try recording.trim(from: .end, to: nil, output: path, force: false) }
    #expect(throws: Failure.self) {
      try recording.trim(from: nil, to: .absolute(1 << 60), output: path, force: false)
    }
    #expect(throws: Failure.self, "itself") {
      try recording.trim(from: .absolute(5), to: nil, output: recorded.path, force: true)
    }
    #expect(folder.names == [])
    _ = try recording.trim(from: .absolute(5), to: nil, output: path, force: false)
    #expect(throws: Failure.self, "taken") {
      try recording.trim(from: .absolute(5), to: nil, output: path, force: false)
    }
    _ = try recording.trim(from: .absolute(6), to: nil, output: path, force: true)
    #expect(folder.names == ["part.rr"])
    #expect(try Timeline(Recording(opening: path)).position == 6)
  }
}
