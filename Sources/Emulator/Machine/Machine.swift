import ByteCoding

/// The deterministic machine: harts, memory, devices and the run loop.
///
/// It knows no file, socket, clock or log; everything from outside comes through its `Gate`. All of it lives on
/// whatever one thread calls it.
public final class Machine {
  /// Why `run` came back.
  public enum Stop: Sendable, Equatable {
    /// The position asked for is reached.
    case position
    /// `requestStop` was called, or the gate answered `IdleEnd.stop`.
    case requested
    /// The guest switched the machine off, or something outside did; `status` is its exit status, 0 when it gave none.
    case poweredOff(status: UInt32)
  }

  public let configuration: MachineConfiguration

  /// A machine in its power-on state with `plan`'s regions in RAM.
  public init(configuration: MachineConfiguration, plan: BootPlan, gate: any Gate) {
    self.configuration = configuration
    fatalError("being written")
  }

  /// The exact moment the machine stands at.
  public var now: Moment { fatalError("being written") }

  /// Runs to exactly `position`, or until something else ends the run. Arrivals due at the last position are delivered
  /// only when the machine goes on.
  public func run(until position: UInt64) -> Stop { fatalError("being written") }

  /// Makes a `run` in progress come back at the next instruction boundary. Same thread only (a gate calls it).
  public func requestStop() { fatalError("being written") }

  // MARK: State

  /// State of harts and devices, everything but RAM; equal states give equal bytes.
  public func saveState() -> [UInt8] { fatalError("being written") }
  /// Puts back what `saveState` gave. RAM must be set separately, through `memory`.
  public func restoreState(_ bytes: [UInt8]) throws(ByteCodingError) { fatalError("being written") }

  /// Names of the components in the order of `digests()`: "hart0", ..., then each device, then "memory" last.
  public var digestNames: [String] { fatalError("being written") }
  /// A 64-bit digest of each component. That of memory is the wrapping sum over all pages that are not all zero of
  /// `Digest.of(page, seed: page index)`, kept up to date from the dirty pages alone.
  public func digests() -> [UInt64] { fatalError("being written") }

  /// RAM. `dirtyPages` there lists what was written since `beginDirtyEpoch`.
  package var memory: GuestMemory { fatalError("being written") }

  /// Program counter of a hart, for messages.
  public func programCounter(hart: Int) -> UInt64 { fatalError("being written") }
  /// The hart whose turn it is.
  public var currentHart: Int { fatalError("being written") }
}
