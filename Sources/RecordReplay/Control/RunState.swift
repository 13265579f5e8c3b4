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
  /// Something that another part of rrtool does beside the guest has changed: a job, a migration. The name is that of
  /// the event in QMP, the values go with it.
  case progress(name: String, values: [(key: String, value: EventValue)])

  /// A value that goes with an event.
  public enum EventValue: Equatable, Sendable {
    case text(String)
    case number(UInt64)
    case flag(Bool)
    case group([(key: String, value: EventValue)])

    public static func == (left: EventValue, right: EventValue) -> Bool {
      switch (left, right) {
      case (.text(let left), .text(let right)): left == right
      case (.number(let left), .number(let right)): left == right
      case (.flag(let left), .flag(let right)): left == right
      case (.group(let left), .group(let right)): left.elementsEqual(right, by: ==)
      default: false
      }
    }
  }

  public static func == (left: RunEvent, right: RunEvent) -> Bool {
    switch (left, right) {
    case (.stopped, .stopped), (.resumed, .resumed), (.poweredDown, .poweredDown): true
    case (.reset(let left), .reset(let right)): left == right
    case (.shutdown(let leftGuest, let left), .shutdown(let rightGuest, let right)):
      leftGuest == rightGuest && left == right
    case (.progress(let leftName, let left), .progress(let rightName, let right)):
      leftName == rightName && left.elementsEqual(right, by: ==)
    default: false
    }
  }
}
