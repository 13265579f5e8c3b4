// SPDX-License-Identifier: Apache-2.0

import Execution
import HostSystem

/// A run whose guest comes from another place.
extension PlainRun {
  /// - Parameters:
  ///   - control: one that knows of a guest that comes from elsewhere.
  ///   - address: where the guest comes from; it goes on where it was there. `run` waits for it first.
  public convenience init(
    _ guest: Guest, inbox: Inbox, console: any ConsoleOutput, control: RunControl? = nil,
    incoming address: MigrationAddress?
  ) throws(Failure) {
    guard let address else {
      try self.init(guest, inbox: inbox, console: console, control: control)
      return
    }
    try self.init(guest, inbox: inbox, console: console, control: control) { (run) throws(Failure) in
      try run.receive(from: address)
    }
  }

  private func receive(from address: MigrationAddress) throws(Failure) {
    guard let start else { preconditionFailure("a guest that comes from elsewhere has its options here too") }
    precondition(
      control.map { $0.state == .inmigrate } ?? true, "the controls do not know that a guest comes")
    control?.begin()
    let job = control?.job ?? MigrationState()
    try job.start(.migration, total: machine.memory.totalSize)
    do throws(Failure) {
      let identity = try MigrationIdentity(start, configuration: machine.configuration)
      let stream = try IncomingMigration(address) { [self] in
        control?.servePending(self)
        return !inbox.isStopRequested && job.mayGoOn
      }
      let arrived = try stream.receive(into: machine, drives: drives.overlays, identity: identity, job)
      live.expectAnswers(arrived.answerCount)
      inbox.putFirst(arrived.arrivals)
    } catch {
      if !job.mayGoOn, error.kind == .cancelled { job.endCancelled() } else { job.endFailed(error) }
      throw error
    }
    control?.noteArrival()
    job.endCompleted()
  }
}
