// SPDX-License-Identifier: Apache-2.0

/// Where runs of a machine stop, or what they take note of: breakpoints and watchpoints on virtual addresses.
///
/// They belong to whoever looks at the guest, not to the guest: no state, digest or snapshot knows of them, and the
/// machine's course is the same with and without.
public struct StopPoints: Sendable, Equatable {
  /// Stops before the instruction at an address is executed.
  public struct Breakpoint: Sendable, Hashable {
    public var address: UInt64
    /// Bit n: hart n stops here. Every hart by default.
    public var harts: UInt64

    public init(at address: UInt64, harts: UInt64 = ~0) {
      self.address = address
      self.harts = harts
    }
  }

  /// Stops after an instruction that has accessed any of some bytes.
  ///
  /// What counts are loads, stores and atomics that harts have carried out, by their virtual addresses, whatever page table
  /// maps them. An access that faults is none; an SC that fails writes nothing. DMA and page-table walks have no virtual
  /// address.
  public struct Watchpoint: Sendable, Hashable {
    public enum Kind: Sendable, Hashable, CaseIterable {
      case read, write
      /// Either.
      case access
    }

    public let kind: Kind
    /// The first and the last address.
    public let first: UInt64
    public let last: UInt64
    public var byteCount: UInt64 { last &- first &+ 1 }

    /// Nil when there is no byte to watch, or the last one would lie beyond the end of the address space.
    public init?(_ kind: Kind, at address: UInt64, byteCount: UInt64) {
      let (last, isBeyond) = address.addingReportingOverflow(byteCount &- 1)
      guard byteCount > 0, !isBeyond else { return nil }
      self.kind = kind
      first = address
      self.last = last
    }

    func contains(_ other: ClosedRange<UInt64>) -> Bool {
      first <= other.upperBound && other.lowerBound <= last
    }
  }

  public var breakpoints: [Breakpoint]
  public var watchpoints: [Watchpoint]
  public var isEmpty: Bool { breakpoints.isEmpty && watchpoints.isEmpty }

  public init(breakpoints: [Breakpoint] = [], watchpoints: [Watchpoint] = []) {
    self.breakpoints = breakpoints
    self.watchpoints = watchpoints
  }
}

/// A stop point was met.
public struct StopPointHit: Sendable, Equatable {
  /// Of the instruction that is about to be executed (breakpoint) or has made the access (watchpoint): how many were
  /// executed before it. So a machine that stopped at a breakpoint stands at this position, and one that stopped at a
  /// watchpoint stands at the next.
  public var position: UInt64
  public var hart: Int
  /// Address of that instruction.
  public var programCounter: UInt64
  public var cause: Cause

  public enum Cause: Sendable, Equatable {
    case breakpoint
    case watchpoint(StopPoints.Watchpoint, WatchedAccess)
  }

  public init(position: UInt64, hart: Int, programCounter: UInt64, cause: Cause) {
    self.position = position
    self.hart = hart
    self.programCounter = programCounter
    self.cause = cause
  }
}

/// What an instruction did to watched bytes.
public struct WatchedAccess: Sendable, Equatable {
  public var kind: StopPoints.Watchpoint.Kind
  /// All of the access, which may reach beyond the bytes that are watched.
  public var address: UInt64
  public var byteCount: Int
  /// What the accessed bytes held before and after, as a little-endian integer. The same for a read.
  public var old: UInt64
  public var new: UInt64

  public init(
    kind: StopPoints.Watchpoint.Kind, address: UInt64, byteCount: Int, old: UInt64, new: UInt64
  ) {
    self.kind = kind
    self.address = address
    self.byteCount = byteCount
    self.old = old
    self.new = new
  }
}
