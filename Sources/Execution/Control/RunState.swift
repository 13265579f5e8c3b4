// SPDX-License-Identifier: Apache-2.0

/// What a machine that is being controlled is doing, in QEMU's words.
public enum RunState: String, Sendable, CaseIterable {
  /// Made, and not yet started.
  case prelaunch
  case running
  /// Stopped by somebody who may have it go on.
  case paused
  /// Waits for the state of another machine.
  case inmigrate
  /// Stands still while the last of its state is handed on.
  case finishMigrate = "finish-migrate"
  /// Its state was handed on; another machine may be running it.
  case postmigrate
  case saveVM = "save-vm"
  case restoreVM = "restore-vm"
  /// The run is over.
  case shutdown

  /// In all other states the machine executes nothing.
  public var isRunning: Bool { self == .running }

  /// Whether a machine in this state may come into `next`. Staying is no change.
  func canBecome(_ next: RunState) -> Bool {
    switch self {
    case .shutdown: false
    case .prelaunch: true
    case .running: ![.prelaunch, .inmigrate].contains(next)
    case .paused, .postmigrate: next != .inmigrate
    case .inmigrate: [.running, .paused, .prelaunch, .shutdown].contains(next)
    case .finishMigrate: [.running, .paused, .postmigrate, .prelaunch, .shutdown].contains(next)
    case .saveVM, .restoreVM: [.running, .paused, .prelaunch, .postmigrate, .shutdown].contains(next)
    }
  }
}

/// Something that whoever watches a run wants to hear of.
public enum RunEvent: Equatable, Sendable {
  /// The machine stands still from here on.
  case stopped
  /// The machine goes on.
  case resumed
  /// Somebody pressed the power button.
  case poweredDown
  case reset(byGuest: Bool)
  /// The run is over. `reason` is one of QEMU's `ShutdownCause`.
  case shutdown(byGuest: Bool, reason: String)
}
