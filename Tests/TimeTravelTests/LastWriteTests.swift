// SPDX-License-Identifier: Apache-2.0

import Emulator
import RecordingStore
import ReplayLog
import RunSupport
import TestSupport
import Testing
import TimeTravel

/// Who wrote some bytes last, compared with what one run from the start shows.
@Suite struct LastWriteTests {
  private func record(_ name: String, harts: Int = 1) throws -> RecordedGuest {
    try RecordedGuest(name, harts: harts, digestInterval: 400_000) { _ in
      [DriveOptions(source: .blank(size: 1 << 20))]
    }
  }

  @Test(arguments: ["ledger", "diskcheck"]) func itIsTheLastOfAll(_ name: String) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("last write, \(name): seed \(seed)")
    var random = SeededGenerator(seed: seed)
    let recorded = try record(name, harts: name == "ledger" ? 2 : 1)
    let timeline = try Timeline(
      recorded.recording, checkpoints: CheckpointPolicy(nearSpacing: 5_000, farSpacing: 200_000))
    let end = timeline.end.position
    for index in 0..<3 {
      try timeline.seek(to: UInt64.random(in: 1..<end, using: &random))
      try timeline.createSnapshot("s\(index)")
    }
    // It has bytes.
    let everything = StopPoints(watchpoints: [.init(.write, at: 0x8000_0000, byteCount: 16 << 20)!])
    var sources: Set<String> = []
    for round in 0..<24 {
      // Bytes that are written somewhere, and a place that may be before or after that.
      try timeline.seek(to: UInt64.random(in: 0..<end, using: &random))
      guard case .stopPoint(let hit) = try timeline.run(stopPoints: everything),
        case .watchpoint(_, let access) = hit.cause
      else { continue }
      let count = round % 2 == 0 ? UInt64(access.byteCount) : UInt64.random(in: 1...3000, using: &random)
      let last = access.address + count - 1
      let place = UInt64.random(in: 0...end, using: &random)
      let what = "seed \(seed), \(access.address) + \(count) before \(place)"
      try timeline.seek(to: 0)
      timeline.machine.noteStores(to: [access.address...last])
      try timeline.run(until: place)
      let expected = timeline.machine.lastStore
      timeline.machine.noteStores(to: [])

      let space: MemoryRange.Space = Bool.random(using: &random) ? .physical : .virtual(hart: 0)
      let outcome = try timeline.lastWrite(
        to: MemoryRange(address: access.address, byteCount: count, space: space), before: place)
      guard let expected else {
        guard case .unwritten(since: 0, _) = outcome else {
          Issue.record("\(what): \(outcome)")
          continue
        }
        sources.insert("nobody")
        continue
      }
      guard case .found(let write) = outcome else {
        Issue.record("\(what): \(outcome)")
        continue
      }
      #expect(write.moment.position == expected.position, "\(what)")
      #expect(write.address == expected.address, "\(what)")
      #expect(write.address + UInt64(write.byteCount) - 1 <= last, "\(what)")
      func bytes() -> [UInt8]? {
        timeline.machine.memory.read(at: write.address, count: min(write.byteCount, LastWrite.valueLimit))
      }
      try timeline.seek(to: expected.position)
      #expect(bytes() == write.old, "\(what): before")
      try timeline.run(until: expected.position + 1)
      #expect(bytes() == write.new, "\(what): after")
      switch (write.source, expected.source) {
      case (.instruction(let hart, let programCounter), .instruction):
        #expect(hart == expected.hart && programCounter == expected.programCounter)
        sources.insert("instruction")
      case (.drive(0, let id, let request?), .blockCompletion(drive: 0, let expectedID)):
        // Of a request that reads nothing there is the byte that tells that it is done.
        #expect(id == expectedID && request.id == id && (request.operation == .read || write.sector == nil))
        sources.insert("drive")
      case (.drive(0, _, _), .blockCompletion), (.device, .device): sources.insert("device")
      default: Issue.record("\(what): \(write.source) for \(expected.source)")
      }
    }
    #expect(sources.contains("instruction"))
  }

  /// What a disk brought, and the device that answers at once.
  @Test func devicesAreNamed() throws {
    let recorded = try record("diskcheck")
    let timeline = try Timeline(recorded.recording)
    // The last read that the drive answered, and where its bytes went.
    let cursor = timeline.log.makeCursor()
    var reads: [UInt64: LogBlockRequest] = [:]
    var last: (completion: LogBlockCompletion, position: UInt64)?
    while let event = try cursor.next() {
      if case .blockRequest(let request) = event.payload, request.operation == .read {
        reads[request.id] = request
      }
      if case .blockCompletion(let completion) = event.payload, completion.succeeded,
        let read = reads[completion.id], read.sectorCount == 1
      {
        last = (completion, event.position)
      }
    }
    let (completion, position) = try #require(last)
    try timeline.seek(to: position)
    timeline.machine.noteStores(to: [0x8000_0000...0x80ff_ffff])
    #expect(try timeline.settle() == .position)
    // The ring that says that it is done is written last; the data are somewhere else.
    let ring = try #require(timeline.machine.lastStore)
    #expect(ring.source == .blockCompletion(drive: 0, request: completion.id))
    timeline.machine.noteStores(to: [])
    let outcome = try timeline.lastWrite(
      to: MemoryRange(address: ring.address, byteCount: 2, space: .physical), before: position + 1)
    guard case .found(let write) = outcome else { return #expect(Bool(false), "\(outcome)") }
    #expect(write.source == .drive(0, id: completion.id, request: reads[completion.id]))
    #expect(write.sector == nil, "the ring is not from the disk")
    #expect(write.moment.position == position && write.old != write.new)
  }

  /// Of what a request for many sectors brought, the sector of the very byte is named.
  @Test func theSectorIsNamed() throws {
    let recorded = try record("diskcheck")
    let timeline = try Timeline(recorded.recording, checkpoints: CheckpointPolicy())
    let cursor = timeline.log.makeCursor()
    var read: LogBlockRequest?
    var position: UInt64?
    while position == nil, let event = try cursor.next() {
      switch event.payload {
      case .blockRequest(let request) where request.operation == .read && request.sectorCount > 30:
        read = read ?? request
      case .blockCompletion(let completion) where completion.id == read?.id: position = event.position
      default: break
      }
    }
    let (request, place) = (try #require(read), try #require(position))
    try timeline.seek(to: place)
    let memory = timeline.machine.memory
    func contents() throws -> [UInt8] {
      try #require(memory.read(at: memory.base, count: Int(memory.size)))
    }
    let before = try contents()
    _ = try timeline.settle()
    let after = try contents()
    // The guest had cleared its buffer: what was read is the first long run of bytes that are different now.
    let start = try #require(
      before.indices.dropLast(512).first { index in
        before[index] != after[index]
          && (index..<index + 512).count { before[$0] != after[$0] } > 400
      })
    for sector in [0, 1, Int(request.sectorCount) - 1] {
      let address = memory.base + UInt64(start + sector * 512 + 200)
      let outcome = try timeline.lastWrite(
        to: MemoryRange(address: address, byteCount: 4, space: .physical), before: place + 1)
      guard case .found(let write) = outcome else {
        Issue.record("\(outcome)")
        continue
      }
      #expect(write.source == .drive(0, id: request.id, request: request))
      #expect(write.sector == request.sector + UInt64(sector))
    }
  }

  /// A guest that resets itself: the loader's bytes come with the instruction that asked for it.
  @Test func aResetIsFound() throws {
    let folder = TestFolder()
    let timeline = try Timeline(ResetTests.record(in: folder))
    let cursor = timeline.log.makeCursor()
    var reset: UInt64?
    while let event = try cursor.next() {
      if case .reset = event.payload { reset = event.position }
    }
    let position = try #require(reset)
    let range = MemoryRange(address: 0x8000_0000, byteCount: 4, space: .physical)
    guard case .found(let write) = try timeline.lastWrite(to: range, before: timeline.end.position) else {
      return #expect(Bool(false), "nothing is found")
    }
    #expect(write.source == .reset(byGuest: true))
    #expect(write.moment.position == position - 1)
    #expect(write.old == write.new && write.old.count == 4)
    #expect(
      try timeline.lastWrite(to: range, before: position - 1) == .unwritten(since: 0, isLoaded: true))
  }

  /// Snapshots of a chain tell what was not written between them.
  @Test func snapshotsPruneTheSearch() throws {
    let recorded = try record("diskcheck")
    let timeline = try Timeline(recorded.recording, checkpoints: CheckpointPolicy())
    let end = timeline.end.position
    // Each of the one before.
    var parent: String?
    for index in 1...3 {
      let made = try Timeline(recorded.recording, from: parent)
      try made.run(until: end / 4 * UInt64(index))
      try made.createSnapshot("chain\(index)")
      parent = "chain\(index)"
    }
    let store = try SnapshotStore(recorded.recording)
    // Nobody writes to the device tree, and it lies far from what is written: sharing is a matter of whole clusters.
    let tree = try recorded.recording.manifest.boot.deviceTreeAddress
    let treePage = Int((tree - 0x8000_0000) >> 12)
    #expect(try store.knowsUnwritten(pages: [treePage], between: "chain1", and: "chain2"))
    #expect(try store.knowsUnwritten(pages: [treePage], between: "chain2", and: "chain3"))
    try timeline.seek(to: end / 2)
    timeline.machine.noteStores(to: [0x8000_0000...0x80ff_ffff])
    try timeline.run(until: end / 2 + 5_000)
    let written = try #require(timeline.machine.lastStore)
    timeline.machine.noteStores(to: [])
    let page = Int((written.address - 0x8000_0000) >> 12)
    #expect(try !store.knowsUnwritten(pages: [treePage, page], between: "chain2", and: "chain3"))
    // Zeroes say nothing.
    #expect(try !store.knowsUnwritten(pages: [0xff0], between: "chain1", and: "chain2"))
    #expect(
      try Timeline(recorded.recording).lastWrite(
        to: MemoryRange(address: tree, byteCount: 4, space: .physical), before: end)
        == .unwritten(since: 0, isLoaded: true))
  }

  /// Where the machine is stopped in the middle of a position, a snapshot is of the position's start.
  @Test func snapshotsAreOfTheStartOfAPosition() throws {
    let recorded = try record("ledger", harts: 2)
    let timeline = try Timeline(recorded.recording)
    let cursor = timeline.log.makeCursor()
    var position: UInt64?
    while position == nil, let event = try cursor.next() {
      if case .blockCompletion = event.payload { position = event.position }
    }
    let place = try #require(position)
    try timeline.seek(to: place)
    let digests = timeline.machine.digests()
    #expect(try timeline.settle() == .position)
    #expect(timeline.machine.digests() != digests, "something arrives here")
    try timeline.createSnapshot("here")
    #expect(!timeline.machine.isAtStartOfPosition && timeline.machine.digests() != digests)
    #expect(try Timeline(recorded.recording, from: "here").machine.digests() == digests)
  }

  @Test func questionsThatHaveNoAnswer() throws {
    let recorded = try record("diskcheck")
    let timeline = try Timeline(recorded.recording)
    let end = timeline.end.position
    func ask(
      _ address: UInt64, _ count: UInt64, _ space: MemoryRange.Space = .physical, before: UInt64? = nil
    ) throws
      -> LastWriteOutcome
    {
      try timeline.lastWrite(
        to: MemoryRange(address: address, byteCount: count, space: space), before: before ?? end)
    }
    #expect(try ask(0x8000_0000, 4, before: 0) == .unwritten(since: 0, isLoaded: true))
    #expect(try ask(0x80ff_0000, 4) == .unwritten(since: 0, isLoaded: false))
    for (address, count) in [
      (0x1000_0000, 1), (0x7fff_ffff, 2), (0x80ff_ffff, 2), (0x8000_0000, 0), (0x8000_0000, 1 << 40),
      (.max, 2),
      (0x8000_0000, .max),
    ] as [(UInt64, UInt64)] {
      #expect(throws: ReplayError.self) { try ask(address, count) }
    }
    #expect(throws: ReplayError.self) { try ask(0x8000_0000, 1, .virtual(hart: 1)) }
    #expect(throws: ReplayError.self) { try ask(0x8000_0000, 1, .virtual(hart: -1)) }
    let control = SearchControl(isInterrupted: { true })
    #expect(
      try timeline.lastWrite(
        to: MemoryRange(address: 0x8000_0000, byteCount: 1, space: .physical), before: end, control: control)
        == .interrupted)
  }
}
