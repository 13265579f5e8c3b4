// SPDX-License-Identifier: Apache-2.0

import Emulator

/// The call profile of a stretch: one record, when it is over.
package final class ProfileReader: TraceReader {
  private var profiler: CallProfiler

  /// - Parameters:
  ///   - start: the first position that counts.
  ///   - hart: whose instructions count; nil: those of all.
  package init(_ map: consuming CodeMap, from start: UInt64, hart: Int? = nil) {
    profiler = CallProfiler(map, from: start, hart: hart)
  }

  package var notes: ControlTransferNotes { .jumps }

  package func begin(in machine: Machine) { profiler.begin(machine) }
  package func hear(_ transfers: ControlTransfers) { profiler.follow(transfers) }
  package func hear(_ observation: GuestObservation, of machine: Machine) {
    profiler.follow(observation, of: machine)
  }

  package func takeRecords() -> [CallProfile] { [] }

  package func takeRest() -> [CallProfile] {
    [
      CallProfile(
        tree: profiler.tree, names: profiler.map.names, instructionCount: profiler.count,
        crossedCount: profiler.crossedCount)
    ]
  }
}
