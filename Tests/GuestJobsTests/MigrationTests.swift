// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Emulator
import Execution
import Foundation
import GuestJobs
import HostSystem
import RecordingStore
import Synchronization
import TestSupport
import Testing

@Suite struct MigrationTests {
  /// What a machine is like where it stands.
  private struct Place: Equatable, Sendable {
    var moment: Moment
    var digests: [UInt64]

    init(_ machine: Machine) {
      moment = machine.now
      digests = machine.digests()
    }
  }

  private func place(of guest: LiveGuest) throws -> Place {
    try guest.control.perform { (run) throws(Failure) in Place(run.machine) }
  }

  /// The same guest at another place, before it goes on.
  private func arrive(_ guest: Guest, from address: MigrationAddress) throws -> Place {
    let run = try PlainRun(guest, inbox: Inbox(), console: NullOutput(), incoming: address)
    try run.receive()
    return Place(run.machine)
  }

  @Test func aGuestThatWritesAllTheTimeArrivesAsItWas() throws {
    let guest = try LiveGuest()
    try guest.goOn(1_000_000)
    for number in 0..<2 {
      let path = guest.folder.file("stream\(number)")
      try guest.jobs.migrate(to: .file(path))
      #expect(guest.control.state == .postmigrate)
      let status = guest.jobs.state.status
      #expect(status.phase == .completed)
      #expect(status.figures.remaining == 0)
      #expect(status.figures.iterations >= 1)
      #expect(UInt64(try readFile(path).count) == status.figures.transferred)
      let source = try place(of: guest)
      #expect(try arrive(LiveGuest.guest(), from: .file(path)) == source)
      // It can go on here, and be migrated again.
      try guest.control.resume()
      try guest.goOn(1_000_000)
      #expect(try place(of: guest).moment > source.moment)
    }
    _ = try guest.stop()
  }

  @Test(arguments: ["unix:SOCKET", "exec:cat >FILE"])
  func aGuestArrivesOtherWays(way: String) throws {
    let guest = try LiveGuest()
    try guest.goOn(1_000_000)
    let file = guest.folder.file("stream")
    let address = try MigrationAddress(
      parsing: way.replacingOccurrences(of: "SOCKET", with: guest.folder.file("socket"))
        .replacingOccurrences(of: "FILE", with: file))
    if case .unix = address {
      let arrived = Mutex<Place?>(nil)
      let thread = HostThread { [self] in
        // What fails shows as a place that is not there.
        arrived.withLock { $0 = try? arrive(LiveGuest.guest(), from: address) }
      }
      // It may have a socket already and not listen yet.
      try waitUntil("the other end listens") { (try? guest.jobs.migrate(to: address)) != nil }
      thread.join()
      #expect(try arrived.withLock { $0 } == place(of: guest))
      #expect(guest.files == [], "the socket is gone")
    } else {
      try guest.jobs.migrate(to: address)
      #expect(try arrive(LiveGuest.guest(), from: .exec("cat \(file)")) == place(of: guest))
    }
    _ = try guest.stop()
  }

  /// Who controls a machine that waits for its guest is answered, and decides whether the guest goes on at once.
  @Test(arguments: [false, true]) func aMachineThatWaitsForItsGuestIsControlled(goesOn: Bool) throws {
    let source = try LiveGuest()
    try source.goOn(1_000_000)
    let address = MigrationAddress.unix(source.folder.file("socket"))
    let inbox = Inbox()
    let control = RunControl(inbox: inbox, isPaused: goesOn, isIncoming: true)
    let ends = Mutex<[MigrationState.Phase]>([])
    control.job.observe { status in ends.withLock { $0.append(status.phase) } }
    let run = try Moving(
      PlainRun(
        LiveGuest.guest(), inbox: inbox, console: NullOutput(), control: control, incoming: address))
    let thread = HostThread { run.run() }
    #expect(try control.perform { run in run.machine.now } == .start)
    #expect(control.state == .inmigrate)
    let refusal = #expect(throws: Failure.self) {
      try GuestJobs(control).dump(DumpRequest(path: source.folder.file("core")))
    }
    #expect(refusal?.kind == .busy)
    if goesOn { try control.resume() } else { try control.pause() }
    #expect(control.state == .inmigrate)
    try waitUntil("the other end listens") { (try? source.jobs.migrate(to: address)) != nil }
    #expect(control.job.waitUntilIdle().phase == .completed)
    #expect(control.state == (goesOn ? .running : .paused))
    // Observers hear of a state right after those who wait for it.
    try waitUntil("observers hear of the end") { ends.withLock { $0.last } == .completed }
    #expect(ends.withLock { $0 } == [.setup, .active, .completing, .completed])
    if !goesOn {
      #expect(try control.perform { run in Place(run.machine) } == place(of: source))
    }
    control.quit()
    thread.join()
    #expect(run.result?.ending.reason == .interrupted)
    _ = try source.stop()
  }

  @Test func waitingForAGuestIsGivenUp() throws {
    let folder = TestFolder()
    let inbox = Inbox()
    let control = RunControl(inbox: inbox, isIncoming: true)
    let run = try Moving(
      PlainRun(
        LiveGuest.guest(), inbox: inbox, console: NullOutput(), control: control,
        incoming: .unix(folder.file("socket"))))
    let thread = HostThread { run.run() }
    try waitUntil("it listens") { HostFiles.kind(of: folder.file("socket")) != nil }
    control.quit()
    thread.join()
    #expect(run.result?.ending.reason == .interrupted)
    #expect(run.result?.failure == nil)
    #expect(folder.names == [])
  }

  /// A guest that writes faster than it can be sent is slowed down until it can.
  @Test func aGuestThatWritesTooFastIsSlowedDown() throws {
    let guest = try LiveGuest(memory: 8 << 20)
    try guest.goOn(1_000_000)
    guest.jobs.state.bandwidthLimit = 200 << 20
    let path = guest.folder.file("stream")
    var figures = JobFigures()
    // Where others have the processor for most of a pass, the guest writes little in it and needs no slowing down; it is
    // moved once more then.
    for attempt in 0..<20 where figures.throttlePercentage == 0 {
      if attempt > 0 {
        try HostFiles.removeFile(path)
        try guest.control.resume()
        try guest.goOn(1_000_000)
      }
      try guest.jobs.migrate(to: .file(path), downtimeLimit: 8_000_000)
      figures = guest.jobs.state.status.figures
    }
    #expect(figures.throttlePercentage >= MigrationThrottle.firstPercentage)
    #expect(figures.iterations > 2)
    #expect(try arrive(LiveGuest.guest(memory: 8 << 20), from: .file(path)) == place(of: guest))
    _ = try guest.stop()
    var percentage = 0
    var steps: [Int] = []
    for _ in 0..<10 {
      percentage = MigrationThrottle.percentage(after: percentage)
      steps.append(percentage)
    }
    #expect(steps == [20, 30, 40, 50, 60, 70, 80, 90, 99, 99])
  }

  /// A guest with a disk, stopped and moved again and again: the pieces of its console are those of one run, and so is its disk.
  @Test func aGuestWithADriveIsMovedAgainAndAgain() throws {
    func start() throws -> Guest {
      var guest = try LiveGuest.guest("diskcheck")
      guest.drives = [DriveOptions(source: .blank(size: 1 << 20))]
      return guest
    }
    let alone = SharedOutput()
    #expect(
      try PlainRun(start(), inbox: Inbox(), console: alone).run().ending.reason == .poweredOff)
    let folder = TestFolder()
    let pieces = SharedOutput()
    var address: MigrationAddress?
    var moves = 0
    // A busy host may let it run to its end before it is stopped for the first time; it begins again then.
    for _ in 0..<2000 {
      let inbox = Inbox()
      let control = RunControl(inbox: inbox, isPaused: true, isIncoming: address != nil)
      let run = try Moving(
        PlainRun(start(), inbox: inbox, console: pieces, control: control, incoming: address))
      let thread = HostThread { run.run() }
      let path = folder.file("stream\(moves)")
      try waitUntil("the guest arrives") { control.state != .inmigrate }
      do throws(Failure) {
        func position() throws(Failure) -> UInt64 { try control.perform { run in run.machine.now.position } }
        // It goes on for the instructions between two looks at what others want, if it comes to run in between at all.
        let before = try position()
        try control.resume()
        while try position() == before {}
        try control.pause()
        try GuestJobs(control).migrate(to: .file(path))
      } catch {
        // It has ended.
        thread.join()
        #expect(run.result?.ending.reason == .poweredOff, "\(error)")
        #expect(run.result?.ending.status == 0)
        if moves > 0 { break }
        pieces.clear()
        continue
      }
      control.quit()
      thread.join()
      address = .file(path)
      moves += 1
    }
    #expect(moves > 0)
    #expect(pieces.text == alone.text)
  }

  private final class Moving: @unchecked Sendable {
    // Sendable: the run is used on one thread; the result is read when that is joined.
    private let plain: PlainRun
    private(set) var result: RunResult?
    init(_ plain: PlainRun) { self.plain = plain }
    func run() { result = plain.run() }
  }

  @Test(arguments: [
    "exec:exit 3", "exec:head -c 100000 >/dev/null", "tcp::9", "unix:/none/socket", "file:/none/file",
  ])
  func aMigrationThatFailsLeavesTheGuest(address: String) throws {
    let guest = try LiveGuest()
    try guest.goOn(1_000_000)
    let failure = #expect(throws: Failure.self) {
      try guest.jobs.migrate(to: MigrationAddress(parsing: address))
    }
    #expect(failure.map { guest.jobs.state.status.phase == .failed($0) } == true)
    #expect(guest.control.state == .running)
    try guest.goOn()
    _ = try guest.stop()
  }

  /// The other end stops reading: a cancel works all the same.
  @Test func anEndThatDoesNotReadDoesNotHoldUpACancel() throws {
    let guest = try LiveGuest()
    try guest.goOn(1_000_000)
    try guest.jobs.migrate(to: .exec("sleep 1000"), detach: true)
    try waitUntil("memory is being sent") { guest.jobs.state.status.phase == .active }
    try guest.goOn()
    #expect(guest.jobs.state.cancel())
    #expect(guest.jobs.state.waitUntilIdle().phase == .cancelled)
    #expect(guest.control.state == .running)
    try guest.goOn()
    _ = try guest.stop()
  }

  @Test func cancelsAtAnyMomentLeaveTheGuestRunningOrMoved() throws {
    let guest = try LiveGuest()
    var ends: [String: Int] = [:]
    let path = guest.folder.file("stream")
    for number in 0..<60 {
      try guest.jobs.migrate(to: .file(path), detach: true)
      // Some at once, so that there are enough however long a pause takes.
      if number % 3 > 0 { usleep(UInt32.random(in: 0...UInt32(number % 3 == 1 ? 30_000 : 5_000))) }
      guest.jobs.state.cancel()
      let phase = guest.jobs.state.waitUntilIdle().phase
      ends[phase.name, default: 0] += 1
      switch phase {
      case .cancelled:
        #expect(guest.control.state == .running)
        #expect(guest.files == [])
      case .completed:
        #expect(guest.control.state == .postmigrate)
        #expect(guest.files == ["stream"])
        try HostFiles.removeFile(path)
        try guest.control.resume()
      default: Issue.record("migration \(number) ended as \(phase)")
      }
      if number % 10 == 0 { try guest.goOn() }
    }
    #expect(ends["cancelled", default: 0] > 10, "\(ends)")
    try guest.goOn()
    _ = try guest.stop()
  }

  /// Cut off, damaged anywhere, or of another machine: an error that says so.
  @Test func streamsOfStrangersAreRefused() throws {
    let guest = try LiveGuest(memory: 4 << 20)
    try guest.goOn(100_000)
    let path = guest.folder.file("stream")
    try guest.jobs.migrate(to: .file(path))
    _ = try guest.stop()
    let stream = try readFile(path)
    var random = SeededGenerator(seed: 7)
    for number in 0..<40 {
      var bytes = stream
      if number % 2 == 0 {
        bytes.removeLast(Int.random(in: 1...(number < 20 ? 64 : bytes.count), using: &random))
      } else {
        // Mostly where lengths and kinds stand.
        let place = Int.random(in: 0..<(number % 4 == 1 ? 600 : bytes.count), using: &random)
        bytes[place] ^= UInt8.random(in: 1...255, using: &random)
      }
      let bad = try guest.folder.write("bad", bytes)
      let failure = #expect(throws: Failure.self) {
        try arrive(LiveGuest.guest(memory: 4 << 20), from: .file(bad))
      }
      #expect(failure?.kind == .damaged || failure?.kind == .usage, "number \(number): \(failure as Any)")
    }
    let other = #expect(throws: Failure.self) {
      try arrive(LiveGuest.guest(memory: 8 << 20), from: .file(path))
    }
    #expect(other?.description.contains("--memory is 4194304 bytes there, 8388608 bytes here") == true)
    let code = #expect(throws: Failure.self) {
      try arrive(LiveGuest.guest("hello", memory: 4 << 20), from: .file(path))
    }
    #expect(code?.description.contains("what is booted") == true)
  }

  @Test func addressesAreReadAsUsersWriteThem() throws {
    #expect(try MigrationAddress(parsing: "tcp::4444") == .tcp(host: "127.0.0.1", port: "4444"))
    #expect(try MigrationAddress(parsing: "tcp:host:1") == .tcp(host: "host", port: "1"))
    #expect(try MigrationAddress(parsing: "exec:gzip >a:b") == .exec("gzip >a:b"))
    #expect(try MigrationAddress(parsing: "unix:/a").description == "unix:/a")
    for text in ["", "file", "file:", "tcp:", "tcp:4444", "tcp::0", "tcp::x", "tcp::65536", "rdma:x:1"] {
      #expect(throws: Failure.self) { try MigrationAddress(parsing: text) }
    }
  }
}
