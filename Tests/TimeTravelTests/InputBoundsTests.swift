// SPDX-License-Identifier: Apache-2.0

import Emulator
import Execution
import Glibc
import RecordingStore
import ReplayLog
import RunSupport
import TestSupport
import Testing
import TimeTravel

/// Console input past every bound on its way: that of the inbox, of an event in the log, and of the serial port. All of it comes, and a
/// replay gets it in the pieces that the guest got.
@Suite struct InputBoundsTests {
  private enum Source: CaseIterable { case thread, pipe }

  private static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
    var random = SeededGenerator(seed: seed)
    return (0..<count).map { _ in UInt8.random(in: 32...126, using: &random) }
  }

  /// Offers `bytes` in pieces of any size, and the byte that ends the guest.
  private func offer(_ bytes: [UInt8], seed: UInt64, to inbox: Inbox) {
    inbox.serveInput { offer in
      var random = SeededGenerator(seed: seed)
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = Int.random(
          in: 1...[10, 5_000, 40_000, 200_000].randomElement(using: &random)!, using: &random)
        offer(Array(rest.prefix(count)))
        rest = rest.dropFirst(count)
      }
      offer([4])
    }
  }

  private func pipe(_ bytes: [UInt8], to inbox: Inbox) throws {
    var ends: [Int32] = [0, 0]
    try #require(Glibc.pipe(&ends) == 0)
    let (reader, writer) = (ends[0], ends[1])
    inbox.onOwnThread {
      DescriptorConsoleOutput(descriptor: writer).write(bytes + [4])
      close(writer)
    }
    inbox.readInput(from: reader) { $0 }
  }

  /// What the guest prints when it got `bytes`.
  private func answer(to bytes: [UInt8]) -> String {
    let hash = bytes.reduce(5381 as UInt64) { $0 &* 33 &+ UInt64($1) }
    return "drain: \(bytes.count) bytes, hash \(String(hash, radix: 16))"
  }

  @Test(arguments: [0, 1, 32_768, 32_769, 65_535, 65_536, 65_537, 69_632, 100_000, 300_000])
  func allOfItComesAndReplays(count: Int) throws {
    let seed = UInt64(count)
    let bytes = Self.bytes(count, seed: seed)
    for (source, engine) in [(Source.thread, Machine.Engine.automatic), (.pipe, .interpreter)] {
      let folder = TestFolder()
      var guest = Guest(name: "drain", memorySize: 16 << 20, hartCount: 1, shift: 3, sleeps: true)
      guest.engine = engine
      try guest.load(.bios, from: fixture("drain"))
      let inbox = Inbox()
      let output = KeptOutput()
      var snapshots = SnapshotPolicy()
      snapshots.spacing = .instructions(700_000)
      snapshots.countLimit = 12
      snapshots.waitsForEach = true
      let recorder = try Recorder(
        guest, Recorder.Options(output: folder.file("in.rr"), digestInterval: 350_000, snapshots: snapshots),
        inbox: inbox, console: output)
      switch source {
      case .thread: offer(bytes, seed: seed, to: inbox)
      case .pipe: try pipe(bytes, to: inbox)
      }
      let result = try recorder.run()
      #expect(result.failure == nil && output.text.contains(answer(to: bytes)), "\(source): \(output.text)")

      let recording = try Recording(opening: folder.file("in.rr"))
      for snapshot in try SnapshotStore(recording).list() {
        let engines: [Machine.Engine] = snapshot.isInitial ? [.automatic, .interpreter] : [.automatic]
        for engine in engines {
          let replayed = KeptOutput()
          let timeline = try Timeline(recording, from: snapshot.name, console: replayed, engine: engine)
          #expect(
            try timeline.run() == .end(.poweredOff(status: result.ending.status)),
            "\(source), from \(snapshot.name)")
          #expect(output.text.hasSuffix(replayed.text) && replayed.text.contains(answer(to: bytes)))
        }
      }
    }
  }

  /// The gate that records cuts what one event cannot carry, whatever brings it.
  @Test func aPieceIsWhatAnEventCarries() throws {
    let bytes = Self.bytes(3 * LogPayload.dataLimit + 5, seed: 1)
    let log = EventList()
    let gate = RecordingGate(recording: ScriptedOutside(arrivals: [(0, .consoleInput(bytes))]), into: log)
    var heard: [[UInt8]] = []
    while case .consoleInput(let piece)? = gate.takeArrival(at: Moment(position: 0, time: 0)) {
      heard.append(piece)
    }
    #expect(heard.map(\.count) == [32_768, 32_768, 32_768, 5] && Array(heard.joined()) == bytes)
    #expect(log.events.map(\.payload) == heard.map { .consoleInput($0) })
  }
}
