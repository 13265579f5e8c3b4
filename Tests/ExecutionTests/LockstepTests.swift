// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Emulator
import Execution
import Foundation
import RecordingStore
import RunSupport
import TestSupport
import Testing

/// Both engines at once: equal where they should be, and a difference found exactly where it is.
@Suite struct LockstepTests {
  struct Run: CustomTestStringConvertible, Sendable {
    var name: String
    var harts = 1
    var memorySize: UInt64 = 16 << 20
    var input: String?
    var hasDisk = false
    var virtio = MachineConfiguration.Virtio.modern
    var semihosting: String?
    /// What it prints, and when, depends on the host's clock.
    var readsClock = false
    var limit: UInt64?
    var reason = RecordingManifest.Ending.Reason.poweredOff
    var testDescription: String { "\(name), \(harts) harts" }
  }

  static let runs =
    [
      Run(name: "hello"), Run(name: "status42"), Run(name: "counter"), Run(name: "idle"),
      Run(name: "selfmodify"), Run(name: "codeflood"), Run(name: "remap"), Run(name: "traps"),
      Run(name: "stacks"), Run(name: "smp", harts: 2), Run(name: "smp", harts: 8),
      Run(name: "contend", harts: 4, limit: 6_000_000, reason: .limit),
      Run(name: "diskfill", hasDisk: true), Run(name: "diskscatter", hasDisk: true),
      Run(name: "diskcheck", hasDisk: true),
      Run(name: "diskcheck-legacy", hasDisk: true, virtio: .legacy),
      Run(name: "drain", input: "all that is typed\u{4}"), Run(name: "ledger", harts: 2, hasDisk: true),
      Run(name: "htif", input: "hello\nworld\nquit\n"),
      Run(name: "firmware", harts: 2),
      Run(name: "semihosting", input: "hello\nworld\nquit\n", semihosting: ""),
      Run(name: "semihosting", semihosting: "", reason: .idleForever),
      Run(name: "echo", input: "hello\nworld\nquit\n"), Run(name: "echo", reason: .idleForever),
      Run(name: "churn", memorySize: 64 << 20, readsClock: true, limit: 6_000_000, reason: .limit),
      Run(name: "counter", limit: 300_001, reason: .limit),
    ] + benchmarks.map { Run(name: "bench-\($0)", memorySize: 64 << 20, limit: 6_000_000, reason: .limit) }

  /// They run for seconds; what they do, they do from their start on.
  static let benchmarks = ["sort", "hash", "text", "states", "chase", "matrix", "nbody", "calls", "pages"]

  @Test func everyFixtureRuns() throws {
    let folder = URL(filePath: fixture("hello")).deletingLastPathComponent()
    let built = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasSuffix(".elf") }.map { $0.dropLast(4) }
    #expect(Set(built.map(String.init)) == Set(Self.runs.map(\.name)))
  }

  @Test(arguments: runs) func enginesAgreeOnEveryFixture(_ run: Run) throws {
    var guest = Guest(
      name: run.name, memorySize: run.memorySize, hartCount: run.harts, shift: 3, sleeps: false)
    try guest.load(.bios, from: fixture(run.name))
    guest.virtio = run.virtio
    guest.semihosting = run.semihosting
    if run.hasDisk { guest.drives = [DriveOptions(source: .blank(size: 1 << 20))] }
    let inbox = Inbox()
    if let input = run.input {
      inbox.serveInput { offer in
        for byte in input.utf8 { offer([byte]) }
      }
    }
    let both = KeptOutput()
    let result = try LockstepRun(guest, inbox: inbox, console: both).run(limit: run.limit)
    #expect(result.ending.reason == run.reason)
    if run.reason == .limit { #expect(result.ending.position == run.limit) }
    #expect(run.reason != .poweredOff || !both.text.isEmpty)
    guard !run.hasDisk, !run.readsClock, run.input == nil else { return }
    // What nothing from outside decides is what one engine alone does.
    let alone = KeptOutput()
    let plain = try PlainRun(guest, inbox: Inbox(), console: alone).run(limit: run.limit)
    #expect(plain.ending == result.ending)
    #expect(alone.text == both.text)
  }

  // MARK: Faults

  /// Lets everything pass, and changes the machine just before the instruction at `position`.
  private final class Saboteur: Gate {
    weak var machine: Machine?
    private let gate: any Gate
    private let position: UInt64
    private let fault: (Machine) -> Void

    init(_ gate: any Gate, at position: UInt64, fault: @escaping (Machine) -> Void) {
      self.gate = gate
      self.position = position
      self.fault = fault
    }

    func readWallClock(at moment: Moment) -> UInt64 { gate.readWallClock(at: moment) }
    func readEntropy(count: Int, at moment: Moment) -> [UInt8] { gate.readEntropy(count: count, at: moment) }
    func nextPoll(after moment: Moment) -> UInt64 {
      let poll = gate.nextPoll(after: moment)
      return moment.position < position ? min(poll, position) : poll
    }
    func takeArrival(at moment: Moment) -> Arrival? {
      if moment.position == position, let machine { fault(machine) }
      return gate.takeArrival(at: moment)
    }
    func idle(at moment: Moment, until deadline: UInt64?) -> IdleEnd {
      gate.idle(at: moment, until: deadline)
    }
    func consoleOutput(_ byte: UInt8, at moment: Moment) { gate.consoleOutput(byte, at: moment) }
    func blockRequest(_ request: BlockRequest, at moment: Moment) { gate.blockRequest(request, at: moment) }
    func frameOutput(_ frame: NetworkFrame, at moment: Moment) { gate.frameOutput(frame, at: moment) }
    func guestReset(at moment: Moment) { gate.guestReset(at: moment) }
  }

  /// Runs `counter` with a fault in the follower; the difference that is found, and the leader's pc before it.
  private func difference(
    at position: UInt64, sliceLength: UInt64 = 100_000, fault: @escaping (Machine) -> Void
  ) throws -> LockstepDifference {
    let configuration = MachineConfiguration(memorySize: 16 << 20, hartCount: 1, shift: 3, drives: [])
    let plan = try BootPlan(
      images: BootImages(bios: readFile(fixture("counter")), commandLine: ""), configuration: configuration)
    var saboteur: Saboteur?
    let lockstep = Lockstep(
      configuration: configuration, plan: plan, outside: ScriptedOutside(), sliceLength: sliceLength
    ) {
      let made = Saboteur($0, at: position, fault: fault)
      saboteur = made
      return made
    }
    saboteur?.machine = lockstep.follower
    var found: LockstepDifference?
    do throws(LockstepDifference) {
      while try lockstep.run(until: 600_000) == .position, lockstep.leader.now.position < 600_000 {}
    } catch {
      found = error
    }
    return try #require(found, "no difference was found")
  }

  @Test(arguments: [20_000, 20_001, 99_999, 100_000, 250_007, 312_345] as [UInt64])
  func aWrongRegisterIsFoundAtItsInstruction(position: UInt64) throws {
    // No code of the guest uses the thread pointer.
    let found = try difference(at: position) { machine in
      machine.corrupt(register: 4, hart: 0)
    }
    #expect(found.position == position)
    #expect(found.precision == .instruction)
    #expect(found.hart == 0)
    #expect(found.programCounter >= 0x1000)
    #expect(found.details.contains { $0.hasPrefix("hart0 x4: interpreter 0x") })
    #expect(found.description.contains("position \(position), hart 0, pc 0x"))
  }

  /// The guest's start sets the register again: only slices that end before that show the difference.
  @Test func shortSlicesSeeWhatHealsSoon() throws {
    let found = try difference(at: 1, sliceLength: 1) { $0.corrupt(register: 4, hart: 0) }
    #expect(found.position == 1)
    #expect(found.precision == .instruction)
  }

  @Test(arguments: [7, 1_000, 100_000] as [UInt64]) func aWrongWordOfMemoryIsFound(sliceLength: UInt64) throws
  {
    let address: UInt64 = 0x80f0_0008
    let found = try difference(at: 123_456, sliceLength: sliceLength) { machine in
      machine.memory.store(UInt64(0xbad), at: address)
    }
    #expect(found.position == 123_456)
    #expect(found.precision == .instruction)
    #expect(found.details == ["memory 0x80f00008: interpreter 0x0, translator 0xbad"])
  }

  /// A store that no flag notes is no part of any digest.
  @Test func aStoreThatNobodyNotedIsFoundAtTheEnd() throws {
    let configuration = MachineConfiguration(memorySize: 16 << 20, hartCount: 1, shift: 3, drives: [])
    let plan = try BootPlan(
      images: BootImages(bios: readFile(fixture("counter")), commandLine: ""), configuration: configuration)
    let lockstep = Lockstep(configuration: configuration, plan: plan, outside: ScriptedOutside())
    _ = try lockstep.run(until: 50_000)
    lockstep.follower.memory.bytes.storeBytes(of: 1, toByteOffset: 0xf0_0000, as: UInt8.self)
    _ = try lockstep.run(until: 100_000)
    #expect(throws: LockstepDifference.self) { try lockstep.compareWhole() }
  }

  /// What the follower gives out is compared too, before it shows anywhere else.
  @Test func anotherDepartureIsFound() throws {
    let found = try difference(at: 200_000) { machine in
      machine.gate.consoleOutput(UInt8(ascii: "!"), at: machine.now)
    }
    #expect(found.position == 200_000)
    #expect(
      found.details.contains { $0.hasPrefix("gate: interpreter ") && $0.contains("console output \"!\"") })
  }
}

extension Machine {
  /// Flips the lowest bit of an integer register, as a wrong instruction would have left it.
  fileprivate func corrupt(register: Int, hart: Int) {
    var state = saveState()
    let name = Array("hart\(hart)".utf8)
    // Every machine has its harts. Behind the name stand the count of bytes, of two bytes, and x1.
    let start = state.indices.first { state[$0...].starts(with: name) }!
    state[start + name.count + 2 + 8 * (register - 1)] ^= 1
    // A register holds anything.
    try! restoreState(state)
  }
}
