// SPDX-License-Identifier: Apache-2.0

import TimeTravel

extension Timeline {
  /// Goes to the position that it was opened near to, and shows how far it is.
  @discardableResult
  func goThere() throws -> Stop {
    let progress = Progress("replaying", from: position, to: goal, consoleIsTerminal: false)
    defer { progress.finish() }
    return try seek(to: goal) { progress.show($0) }
  }
}
