// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Emulator
import HostSystem

/// What executes instructions. It changes the speed and nothing else, so a replay may use another one.
struct EngineOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What executes instructions: \(Machine.Engine.allCases.map(\.rawValue).joined(separator: ", ")); with run also lockstep: "
        + "both at once, compared.", valueName: "engine"),
    completion: .list(Machine.Engine.allCases.map(\.rawValue) + ["lockstep"]))
  var engine = Machine.Engine.automatic.rawValue

  /// Both engines are to run at once.
  var isLockstep: Bool { engine == "lockstep" }

  func parsed() throws(Failure) -> Machine.Engine {
    guard !isLockstep else {
      throw Failure(
        .usage, "--engine lockstep", "compares the engines and is for 'rrtool run' alone",
        remedy: "give one of \(Machine.Engine.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    guard let known = Machine.Engine(rawValue: engine) else {
      throw Failure(
        .usage, "--engine \(engine)", "there is no such engine",
        remedy: "give one of \(Machine.Engine.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return known
  }
}
