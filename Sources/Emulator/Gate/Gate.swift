// SPDX-License-Identifier: Apache-2.0

/// The only way in and out of the machine.
///
/// The machine is a pure function of its first state and of what comes through here. The run loop is the same code
/// when a run is recorded, replayed or merely run: only the gate differs. All calls come on the thread that calls
/// `Machine.run`.
///
/// A gate that finds that it cannot go on (a replay that diverged) answers anything and calls
/// `Machine.requestStop()`; the machine stops at the next instruction boundary.
public protocol Gate: AnyObject {
  // MARK: Reads: what the guest asks for and the outside answers at once

  /// The wall clock, in nanoseconds since 1970 (UTC).
  func readWallClock(at moment: Moment) -> UInt64
  /// `count` bytes of entropy. Fewer is a programmer error.
  func readEntropy(count: Int, at moment: Moment) -> [UInt8]

  // MARK: Arrivals: what the outside brings, at instruction boundaries only

  /// The position at which the machine must ask again for arrivals, at least `moment.position + 1`.
  func nextPoll(after moment: Moment) -> UInt64
  /// The next arrival to deliver at exactly this moment; called until it answers nil.
  func takeArrival(at moment: Moment) -> Arrival?
  /// Every hart waits for an interrupt. Answers when time goes on: at `deadline` (guest nanoseconds; nil when no
  /// timer is set) or earlier, because something arrived that `takeArrival` will then give, or never.
  func idle(at moment: Moment, until deadline: UInt64?) -> IdleEnd

  // MARK: Departures: what the guest gives out

  /// The guest wrote to its console.
  func consoleOutput(_ byte: UInt8, at moment: Moment)
  /// The guest asks a drive for something. The answer is a later `Arrival.blockCompletion` with the same drive and id.
  func blockRequest(_ request: BlockRequest, at moment: Moment)
  /// The guest sends a frame.
  func frameOutput(_ frame: NetworkFrame, at moment: Moment)
  /// The guest resets the machine, now.
  func guestReset(at moment: Moment)
}

extension Gate {
  /// Whoever keeps no account of the run has nothing to do: the machine resets itself.
  public func guestReset(at moment: Moment) {}
}

/// How a time of idleness ends.
public enum IdleEnd: Sendable, Equatable {
  /// At this guest time: the deadline, or the earlier time of an arrival. Never before the moment idleness began.
  case wake(time: UInt64)
  /// Nothing will come: the machine stops where it is.
  case stop
}

/// Something from outside, delivered between two instructions.
public enum Arrival: Sendable, Equatable {
  case consoleInput([UInt8])
  case blockCompletion(BlockCompletion)
  /// A frame for one of the guest's network cards.
  case frame(NetworkFrame)
  /// The cable of a network card is put in or pulled out.
  case link(interface: Int, isUp: Bool)
  /// Reset the machine, as a reset button does.
  case reset
  /// Switch the machine off.
  case powerOff
}

/// What a guest asks of a drive. Data to write were taken from guest memory when the request was made.
public struct BlockRequest: Sendable, Equatable {
  public enum Operation: Sendable, Equatable {
    /// Read this many bytes, a multiple of the sector size.
    case read(byteCount: Int)
    case write([UInt8])
    case flush
    case discard(sectorCount: UInt64)
    case writeZeroes(sectorCount: UInt64, mayUnmap: Bool)
  }

  public static let sectorSize = 512

  /// Index of the drive in the machine's configuration.
  public var drive: Int
  /// Unique for the drive over the whole run; ascending in the order of submission.
  public var id: UInt64
  /// First sector. The device has checked the range against the drive's capacity.
  public var sector: UInt64
  public var operation: Operation

  public init(drive: Int, id: UInt64, sector: UInt64, operation: Operation) {
    self.drive = drive
    self.id = id
    self.sector = sector
    self.operation = operation
  }
}

/// The answer to a `BlockRequest`.
public struct BlockCompletion: Sendable, Equatable {
  public var drive: Int
  public var id: UInt64
  public var succeeded: Bool
  /// What a read brought: exactly the bytes asked for when it succeeded. Empty for all else.
  public var data: [UInt8]

  public init(drive: Int, id: UInt64, succeeded: Bool, data: [UInt8]) {
    self.drive = drive
    self.id = id
    self.succeeded = succeeded
    self.data = data
  }
}
