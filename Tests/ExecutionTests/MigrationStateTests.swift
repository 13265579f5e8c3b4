// SPDX-License-Identifier: Apache-2.0

import Execution
import HostSystem
import Synchronization
import Testing

@Suite struct MigrationStateTests {
  private static let broken = Failure(.host, "core", "the disk is full", remedy: "make room")

  @Test func aJobGoesThroughItsStatesInOrder() throws {
    let state = MigrationState()
    let seen = Mutex<[MigrationState.Phase]>([])
    state.observe { status in seen.withLock { $0.append(status.phase) } }
    #expect(state.status.phase == .none)
    try state.start(.dump, total: 4096)
    #expect(state.status.figures.remaining == 4096)
    #expect(state.advance(to: .active))
    state.update { $0.remaining = 1000 }
    #expect(state.status.figures.completed == 3096)
    #expect(state.advance(to: .completing))
    #expect(state.commit())
    #expect(!state.cancel(), "what is in its place cannot be cancelled")
    state.endCompleted()
    #expect(state.status.figures.remaining == 0)
    #expect(seen.withLock { $0 } == [.setup, .active, .completing, .completed])
  }

  @Test(arguments: MigrationState.Kind.allCases)
  func aSecondJobIsRefusedByNameOfTheFirst(running: MigrationState.Kind) throws {
    let words: [MigrationState.Kind: String] = [
      .dump: "a dump is being written", .snapshot: "a snapshot is being saved",
      .migration: "the guest is being migrated",
    ]
    for second in MigrationState.Kind.allCases {
      let state = MigrationState()
      try state.start(running)
      let refusal = #expect(throws: Failure.self) { try state.start(second) }
      #expect(refusal?.kind == .busy)
      #expect(refusal?.description.contains(words[running] ?? "-") == true)
      #expect(state.status.kind == running, "the refused one changes nothing")
      state.endFailed(Self.broken)
      try state.start(second)
      #expect(state.status.number == 2)
    }
  }

  /// From each state of a job: after a cancel it may only clean up, and is cancelled then.
  @Test(arguments: 0..<3) func aJobCanBeCancelledUntilItIsCommitted(steps: Int) throws {
    let state = MigrationState()
    #expect(!state.cancel(), "there is nothing to cancel")
    try state.start(.migration)
    let phases: [MigrationState.Phase] = [.active, .completing]
    for phase in phases.prefix(steps) { #expect(state.advance(to: phase)) }
    #expect(state.cancel())
    #expect(state.cancel(), "a second one changes nothing")
    #expect(!state.mayGoOn)
    for phase in phases { #expect(!state.advance(to: phase)) }
    #expect(!state.commit())
    #expect(state.status.phase == .cancelling)
    #expect(throws: Failure.self) { try state.start(.dump) }
    state.endCancelled()
    #expect(state.status.phase == .cancelled)
    try state.start(.dump)
  }

  @Test(arguments: 0..<4) func aJobCanFailInEachState(steps: Int) throws {
    let state = MigrationState()
    try state.start(.snapshot)
    let phases: [MigrationState.Phase] = [.active, .completing]
    for phase in phases.prefix(steps) { #expect(state.advance(to: phase)) }
    if steps == 3 { #expect(state.cancel()) }
    state.endFailed(Self.broken)
    #expect(state.status.phase == .failed(Self.broken))
    try state.start(.dump)
    #expect(state.status.kind == .dump)
  }

  /// Many threads cancel while one job after the other runs: each ends in one of the ends, and observers hear of its
  /// states in order.
  @Test func cancelsFromOtherThreadsLeaveNoJobBetweenStates() throws {
    let state = MigrationState()
    let seen = Mutex<[Int: [MigrationState.Phase]]>([:])
    state.observe { status in seen.withLock { $0[status.number, default: []].append(status.phase) } }
    let isOver = Atomic(false)
    let threads = (0..<3).map { _ in
      HostThread { while !isOver.load(ordering: .relaxed) { state.cancel() } }
    }
    for _ in 0..<300 {
      try state.start(.dump)
      if state.advance(to: .active), state.advance(to: .completing), state.commit() {
        state.endCompleted()
      } else {
        state.endCancelled()
      }
      #expect(!state.status.phase.isBusy)
    }
    isOver.store(true, ordering: .relaxed)
    for thread in threads { thread.join() }
    // A state may be told by a thread that is just ending; all of them are told by now.
    let full: [MigrationState.Phase] = [.setup, .active, .completing]
    seen.withLock { jobs in
      #expect(jobs.count == 300)
      for (number, phases) in jobs {
        if phases.last == .completed {
          #expect(phases == full + [.completed], "job \(number)")
        } else {
          #expect(phases.suffix(2) == [.cancelling, .cancelled], "job \(number)")
          #expect(Array(phases.dropLast(2)) == Array(full.prefix(phases.count - 2)), "job \(number)")
        }
      }
    }
  }
}
