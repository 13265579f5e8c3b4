// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem

/// The options that say who is told what a command came to.
struct ResultOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Write what the command came to into a file, as JSON, however it ends; - is standard output.",
      valueName: "file"), completion: .file())
  var result: String?

  @Option(
    help: ArgumentHelp(
      "text, or json: the result is all that is on standard output, where stdio's console is on standard error then.",
      valueName: "format"), completion: .list(["text", "json"]))
  var format = "text"

  var isWanted: Bool { result != nil || isJSON }
  var isJSON: Bool { format == "json" }

  func places() throws(Failure) -> [ResultPlace] {
    guard ["text", "json"].contains(format) else {
      throw Failure(.usage, "--format \(format)", "is no format", remedy: "give text or json")
    }
    var places = result.map { [ResultPlace($0)] } ?? []
    if isJSON, !places.contains(.standardOutput) { places.append(.standardOutput) }
    return places
  }

  func add(to files: inout FilePlaces) {
    guard let result, case .file = ResultPlace(result) else { return }
    files.write(whole: result, "--result ")
  }

  /// The descriptor that the console of stdio goes to.
  var console: Int32 { isJSON || result.map(ResultPlace.init) == .standardOutput ? 2 : 1 }
}
