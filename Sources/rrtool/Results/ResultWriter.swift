// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import Inspection
import Synchronization

/// Writes a command's result where it is wanted, once: at the command's end, or when a signal ends the process before.
final class ResultWriter: Sendable {
  private let outcome: Outcome
  private let waiting = Mutex<[ResultPlace]>([])

  init(_ outcome: Outcome) { self.outcome = outcome }

  /// From here on there will be a result.
  func prepare(_ places: [ResultPlace]) throws(Failure) {
    for place in places { try place.prepare() }
    waiting.withLock { $0 = places }
  }

  /// The process is about to end by a signal.
  func endBySignal(_ number: Int32) {
    outcome.set { facts in
      facts.end = .interrupted
      facts.signal = number
    }
    let status = ExitStatus.signal(number)
    write(.standardOutput, status: status)
    _ = StandardOutput.finish()
    _ = writeFiles(status: status)
  }

  func write(_ place: ResultPlace, status: ExitCode) {
    let isWaiting = waiting.withLock { waiting in
      defer { waiting.removeAll { $0 == place } }
      return waiting.contains(place)
    }
    // Standard output tells by itself what was lost.
    if isWaiting { try? place.write(text(status)) }
  }

  /// What went wrong first.
  func writeFiles(status: ExitCode) -> Failure? {
    let places = waiting.withLock { waiting in
      defer { waiting = [] }
      return waiting
    }
    var problem: Failure?
    for place in places {
      do throws(Failure) {
        try place.write(text(status))
      } catch {
        problem = problem ?? error
      }
    }
    return problem
  }

  private func text(_ status: ExitCode) -> String {
    // Rows that are there cannot fail.
    (try? outcome.report(status: status).rendered(.json)) ?? ""
  }
}
