// SPDX-License-Identifier: Apache-2.0

import Execution
import HostSystem

/// Why a replay could not go on.
public enum ReplayError: Error, Equatable, Sendable {
  case diverged(Divergence)
  case failed(Failure)
}

extension Failure {
  /// For those who move about on a recording. Where its replay ends with this, a divergence is an outcome of its own.
  package init(_ error: ReplayError) {
    switch error {
    case .failed(let failure): self = failure
    case .diverged(let divergence):
      self.init(
        .damaged, "the replay", divergence.description,
        remedy: "what lies before can be looked at; 'rrtool verify' tells more of a recording that has ended")
    }
  }
}

/// Runs `body`, turning its errors into failures.
package func withReplayFailures<Result>(
  _ body: () throws(ReplayError) -> Result
) throws(Failure) -> Result {
  do throws(ReplayError) {
    return try body()
  } catch {
    throw Failure(error)
  }
}
