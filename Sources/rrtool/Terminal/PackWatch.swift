// SPDX-License-Identifier: Apache-2.0

import HostSystem
import Synchronization

/// Shows how far packing is, and ends it at Ctrl-C.
final class PackWatch {
  private final class Flag: Sendable {
    let isSet = Atomic<Bool>(false)
  }

  private let label: String
  private let unit: Progress.Unit
  private let flag = Flag()
  private var progress: Progress?

  init(_ label: String, unit: Progress.Unit = .bytes) {
    self.label = label
    self.unit = unit
    StopSignals.call { [flag] _ in flag.isSet.store(true, ordering: .relaxed) }
  }

  func note(_ done: UInt64, _ total: UInt64) throws(Failure) {
    if flag.isSet.load(ordering: .relaxed) {
      throw cancellation
    }
    let progress = self.progress ?? Progress(label, unit: unit, from: done, to: total)
    self.progress = progress
    progress.show(done)
  }

  func finish() { progress?.finish() }

  var cancellation: Failure {
    Failure(.cancelled, label, "was cancelled", remedy: "nothing is left of it; start it again")
  }
}
