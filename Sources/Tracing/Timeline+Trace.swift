// SPDX-License-Identifier: Apache-2.0

import Emulator
import Execution
import HostSystem
import TimeTravel

extension Timeline {
  /// Instructions between two looks at what was found: some hundredths of a second's worth.
  private static let traceSlice: UInt64 = 10_000_000

  /// Replays a stretch of the recording for a reader, and hands on its records as they come.
  ///
  /// Records depend on the stretch alone: not on the engine, nor on where the replay begins.
  ///
  /// - Parameter positions: the first and the last position that is executed.
  package func trace<Reader: TraceReader>(
    _ reader: Reader, over positions: ClosedRange<UInt64>, control: SearchControl = SearchControl(),
    _ body: (Reader.Record) throws -> Void
  ) throws {
    // An interrupt that an instruction brought about itself is taken before a machine that is sent to the next one stands there.
    let first = max(positions.lowerBound - min(positions.lowerBound, 1), start)
    let last = min(positions.upperBound, end.position)
    if first > position { _ = try withReplayFailures { () throws(ReplayError) in try seek(to: first) } }
    let machine = machine
    let notes = reader.notes
    reader.begin(in: machine)
    machine.observe(
      { [unowned machine] observation in
        if notes != .nothing || positions.contains(observation.moment.position) {
          reader.hear(observation, of: machine)
        }
      }, hearsAccesses: reader.hearsAccesses, notes: notes, transfers: { reader.hear($0) })
    defer {
      machine.observe(nil)
      machine.noteStores(to: [])
    }
    var breakpoint: UInt64?
    while position <= last {
      let here = position
      let target = min(here.saturatingSum(Self.traceSlice), last.saturatingSum(1))
      let stop = try withReplayFailures { () throws(ReplayError) in
        try run(
          until: target, towards: .max, stopPoints: reader.stopPoints,
          ignoringBreakpointHere: breakpoint == here)
      }
      switch stop {
      case .stopPoint(let hit):
        breakpoint = hit.cause == .breakpoint ? hit.position : nil
        if positions.contains(hit.position) { reader.meet(hit, in: machine) }
        continue
      case .position: break
      default:
        // The recording ends within the stretch.
        try hand(reader.takeRecords(), to: body)
        return try hand(reader.takeRest(), to: body)
      }
      try hand(reader.takeRecords(), to: body)
      control.progress(position - first, last - first + 1)
      if control.isInterrupted() { break }
    }
    try hand(reader.takeRest(), to: body)
  }

  /// What `DeviceAccess.device` may be.
  package var deviceNames: [String] { machine.addressMap.map(\.name).filter { $0 != "ram" } }

  private func hand<Record>(_ records: [Record], to body: (Record) throws -> Void) throws {
    for record in records { try body(record) }
  }
}

extension UInt64 {
  fileprivate func saturatingSum(_ other: UInt64) -> UInt64 {
    let (sum, isOverflow) = addingReportingOverflow(other)
    return isOverflow ? .max : sum
  }
}
