// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import DiskImage
import Emulator
import HostSystem
import RecordingStore

/// Where a live run begins: at power-on, or where a replay was left.
package struct RunOrigin {
  /// What runs, in a word.
  package var name: String
  var configuration: MachineConfiguration
  /// With the bytes of its regions.
  var plan: BootPlan
  var engine: Machine.Engine
  /// Whether idle time passes as fast as the host's.
  package var sleeps: Bool
  /// By network card: what its wire leads to; nil for a cable that is not plugged in.
  var networks: [NetworkOptions?]
  /// What `recording.json` says of how the machine starts.
  var boot: RecordingManifest.Boot
  /// Nil at power-on.
  var left: Left?

  /// A replay's machine where it was left.
  package struct Left {
    /// `Machine.saveState()`.
    var machine: [UInt8]
    var memory: GuestMemory
    /// Requests that were carried out and not answered yet.
    var pending: [UnansweredRequest]
    var branch: RecordingManifest.Branch

    package init(
      machine: [UInt8], memory: GuestMemory, pending: [UnansweredRequest], branch: RecordingManifest.Branch
    ) {
      self.machine = machine
      self.memory = memory
      self.pending = pending
      self.branch = branch
    }
  }

  package var pending: [UnansweredRequest] { left?.pending ?? [] }

  package init(
    name: String, configuration: MachineConfiguration, plan: BootPlan, engine: Machine.Engine, sleeps: Bool,
    boot: RecordingManifest.Boot, networks: [NetworkOptions?], left: Left? = nil
  ) {
    self.name = name
    self.configuration = configuration
    self.plan = plan
    self.engine = engine
    self.sleeps = sleeps
    self.boot = boot
    self.networks = networks
    self.left = left
  }

  /// The machine as it begins. All pages of its memory that are not zero count as changed.
  package func makeMachine(gate: any Gate) -> Machine {
    guard let left else {
      return Machine(configuration: configuration, plan: plan, gate: gate, engine: engine)
    }
    let regions = plan.regions
    let machine = Machine(
      configuration: configuration, plan: plan, gate: gate, engine: engine, bootRegions: { regions })
    for page in 0..<left.memory.pageCount {
      let bytes = left.memory.bytes + page * GuestMemory.pageSize
      if !GuestMemory.isZero(UnsafeRawBufferPointer(start: bytes, count: GuestMemory.pageSize)) {
        machine.memory.replace(page: page, with: bytes)
      }
    }
    do throws(ByteCodingError) {
      try machine.restoreState(left.machine)
    } catch {
      preconditionFailure("the state of a machine of this configuration does not fit it: \(error)")
    }
    return machine
  }

  /// Opens what its wires lead to; nil for a machine without network cards.
  package func openWires() throws(Failure) -> NetworkWires? {
    try NetworkWires.open(networks)
  }

  /// Hands the run what is on its way to it.
  package func offerAnswers(to inbox: Inbox) {
    for answer in pending {
      inbox.offer(
        .blockCompletion(
          BlockCompletion(drive: answer.drive, id: answer.id, succeeded: true, data: answer.data)))
    }
  }
}

extension RunOrigin {
  init(_ guest: Guest, drives: [RecordingManifest.Drive]) throws(Failure) {
    name = guest.name
    configuration = try guest.configuration(drives: drives)
    plan = try guest.plan(configuration)
    engine = guest.engine
    sleeps = guest.sleeps
    boot = RecordingManifest.Boot(guest: guest, plan: plan)
    networks = guest.networks
  }
}
