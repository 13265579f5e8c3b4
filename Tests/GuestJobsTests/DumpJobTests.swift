// SPDX-License-Identifier: Apache-2.0

import CoreDump
import Emulator
import Foundation
import GuestJobs
import HostSystem
import Synchronization
import TestSupport
import Testing
import TimeTravel

@Suite struct DumpJobTests {
  /// Physical memory of a core, as a reader finds it that shares nothing with the writers.
  private func memory(of core: String, _ size: Int) throws -> Data {
    let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "CoreDumpTests/read_core.py").path
    let result = try runProgram(["python3", script, core, "0x80000000", "\(size)"])
    try #require(result.status == 0, "\(result.errors)")
    try #require(result.output.count == size)
    return Data(result.output)
  }

  /// Dumps of a guest that writes all the time are of one instant, and the recording does not notice them.
  @Test func aLiveDumpIsTheStateThatAReplayHasThere() throws {
    let guest = try LiveGuest(isRecorded: true)
    var moments: [(name: String, moment: Moment)] = []
    for number in 0..<6 {
      try guest.goOn(1_000_000)
      let isSlow = number == 2
      // A slow one: the guest writes all of its memory meanwhile.
      guest.jobs.state.bandwidthLimit = isSlow ? 64 << 20 : nil
      var request = DumpRequest(path: guest.folder.file("core\(number)"))
      if number == 4 { request.format = .kdumpZlib }
      if number == 5 { (request.begin, request.length) = (0x8020_0123, 0x10_0001) }
      moments.append((request.path, try guest.jobs.dump(request)))
      let figures = guest.jobs.state.status.figures
      #expect(guest.jobs.state.status.phase == .completed)
      #expect(figures.remaining == 0)
      #expect(
        figures.normalPages + figures.zeroPages == (figures.total + 4095) / 4096)
    }
    try guest.goOn(1_000_000)
    _ = try guest.stop()

    let recording = try guest.recording
    #expect(try Timeline(recording).run() == .end(.interrupted), "the replay is the same to the end")
    let timeline = try Timeline(recording)
    for (number, (name, moment)) in moments.enumerated() {
      try timeline.seek(to: moment.position)
      var request = DumpRequest(path: guest.folder.file("replayed\(number)"))
      if number == 5 { (request.begin, request.length) = (0x8020_0123, 0x10_0001) }
      try timeline.dump(request)
      if number == 4 {
        let (live, replayed) = (try memory(of: name, 16 << 20), try memory(of: request.path, 16 << 20))
        let difference = zip(live, replayed).enumerated().first { $0.element.0 != $0.element.1 }?.offset
        #expect(difference == nil, "\(name) differs from the replay")
      } else {
        #expect(try readFile(name) == readFile(request.path), "\(name) differs from the replay")
      }
    }
  }

  @Test func aPausedGuestStaysPaused() throws {
    let guest = try LiveGuest()
    try guest.goOn()
    try guest.control.pause()
    let before = try guest.position
    let moment = try guest.jobs.dump(DumpRequest(path: guest.folder.file("core")))
    #expect(moment.position == before)
    #expect(try guest.position == before)
    #expect(guest.control.state == .paused)
    try guest.control.resume()
    try guest.goOn()
    _ = try guest.stop()
  }

  @Test func cancelsAtAnyMomentLeaveTheGuestAndNoFile() throws {
    let guest = try LiveGuest()
    var random = SystemRandomNumberGenerator()
    var ends: [String: Int] = [:]
    for number in 0..<200 {
      let path = guest.folder.file("core")
      let format = DumpRequest.Format.allCases[number % 2]
      try guest.jobs.dump(DumpRequest(path: path, format: format), detach: true)
      // Some at once, so that there are enough however long a pause takes.
      if number % 4 > 0 {
        usleep(UInt32.random(in: 0...UInt32(number % 4 == 1 ? 20_000 : 4_000), using: &random))
      }
      guest.jobs.state.cancel()
      let status = guest.jobs.state.waitUntilIdle()
      ends[status.phase.name, default: 0] += 1
      switch status.phase {
      case .cancelled: #expect(guest.files == [])
      case .completed:
        #expect(guest.files == ["core"])
        try HostFiles.removeFile(path)
      default: Issue.record("dump \(number) ended as \(status.phase)")
      }
      if number % 20 == 0 { try guest.goOn() }
    }
    try guest.goOn()
    #expect(ends["cancelled", default: 0] > 20, "\(ends)")
    _ = try guest.stop()
  }

  /// Refuses one of the calls that it gets.
  private final class FailingFile: DumpDestination {
    private let file: OutputFile
    private var callsLeft: Int

    init(_ file: OutputFile, failingAt call: Int) {
      self.file = file
      callsLeft = call
    }

    private func count() throws(OutputError) {
      callsLeft -= 1
      if callsLeft < 0 { throw OutputError(number: ENOSPC, doing: "cannot write it") }
    }

    func setSize(_ size: UInt64) throws(OutputError) {
      try count()
      try file.setSize(size)
    }
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(OutputError) {
      try count()
      try file.write(bytes, at: offset)
    }
    func synchronize() throws(OutputError) {
      try count()
      try file.synchronize()
    }
    func commit() throws(OutputError) {
      try count()
      try file.commit()
    }
    func discard() { file.discard() }
  }

  @Test func failuresAtEveryStageLeaveTheGuestAndNoFile() throws {
    let call = Mutex(0)
    let guest = try LiveGuest(memory: 8 << 20) { (request) throws(Failure) in
      FailingFile(try OutputFile(path: request.path, replaces: false), failingAt: call.withLock { $0 })
    }
    try guest.goOn(1_000_000)
    let path = guest.folder.file("core")
    // Each call of a dump fails once, from the first one to the one after the last, which there is not.
    var failures = 0
    for format in DumpRequest.Format.allCases {
      for number in 0... {
        call.withLock { $0 = number }
        do throws(Failure) {
          try guest.jobs.dump(DumpRequest(path: path, format: format))
          #expect(guest.files == ["core"])
          try HostFiles.removeFile(path)
          break
        } catch {
          failures += 1
          #expect(error.kind == .host)
          #expect(guest.jobs.state.status.phase == .failed(error))
          #expect(guest.files == [], "call \(number)")
        }
        if number % 10 == 0 { try guest.goOn() }
      }
    }
    #expect(failures >= 50)
    try guest.goOn()
    _ = try guest.stop()
  }

  @Test func oneJobAtATime() throws {
    let guest = try LiveGuest()
    guest.jobs.state.bandwidthLimit = 1
    let path = guest.folder.file("core")
    try guest.jobs.dump(DumpRequest(path: path), detach: true)
    let refusal = #expect(throws: Failure.self) {
      try guest.jobs.dump(DumpRequest(path: guest.folder.file("other")))
    }
    #expect(refusal?.kind == .busy)
    #expect(refusal?.description.contains("a dump is being written") == true)
    try guest.goOn()
    #expect(guest.jobs.state.cancel())
    #expect(guest.jobs.state.waitUntilIdle().phase == .cancelled)
    #expect(guest.files == [])
    _ = try guest.stop()
  }

  /// The instant of a dump has passed; it is completed although the guest is gone.
  @Test func aDumpOutlivesItsGuest() throws {
    let guest = try LiveGuest()
    try guest.goOn()
    guest.jobs.state.bandwidthLimit = 1
    try guest.jobs.dump(DumpRequest(path: guest.folder.file("core")), detach: true)
    _ = try guest.stop()
    #expect(guest.jobs.state.status.phase == .completed)
    #expect(guest.files == ["core"])
  }

  @Test func whatCannotBeWrittenIsRefusedBeforeAnythingHappens() throws {
    let guest = try LiveGuest()
    func refusal(_ change: (inout DumpRequest) -> Void) -> Failure? {
      var request = DumpRequest(path: guest.folder.file("core"))
      change(&request)
      return #expect(throws: Failure.self) { try guest.jobs.dump(request) }
    }
    #expect(refusal { $0.path = guest.folder.path }?.kind == .file)
    #expect(refusal { $0.path = guest.folder.file("none/core") }?.kind == .file)
    #expect(refusal { $0.begin = 0x8000_0000 }?.kind == .usage)
    #expect(refusal { ($0.begin, $0.length) = (0, 0x1000) }?.kind == .usage)
    #expect(refusal { ($0.begin, $0.length) = (.max, 0x1000) }?.kind == .usage)
    #expect(refusal { ($0.begin, $0.length, $0.format) = (0x8000_0001, 0x1000, .kdumpZlib) }?.kind == .usage)
    #expect(refusal { ($0.hasVirtualAddresses, $0.format) = (true, .kdumpZlib) }?.kind == .usage)
    #expect(guest.files == [])
    _ = try guest.folder.write("taken", [1])
    #expect(refusal { $0.path = guest.folder.file("taken") }?.kind == .exists)
    #expect(try readFile(guest.folder.file("taken")) == [1])
    try guest.jobs.dump(DumpRequest(path: guest.folder.file("taken"), replaces: true))
    #expect(try readFile(guest.folder.file("taken")).count > 16 << 20)
    #expect(guest.files == ["taken"])
    _ = try guest.stop()
  }
}
