// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import RecordingStore

/// The part of a run that a view shows.
struct RangeOptions: ParsableArguments {
  @Option(
    parsing: .unconditional, help: ArgumentHelp("First position to show.", valueName: "position"),
    completion: Completions.position)
  var from: String?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Last position to show.", valueName: "position"),
    completion: Completions.position)
  var to: String?

  /// Then more of the recording is needed than its log.
  var namesSnapshot: Bool {
    [from, to].contains { text in
      if case .snapshot? = text.flatMap(PositionExpression.init) { true } else { false }
    }
  }

  func resolved(in viewed: ViewedRecording) throws(Failure) -> ClosedRange<UInt64> {
    let first = try viewed.position(from, option: "--from", otherwise: 0)
    let last = try viewed.position(to, option: "--to", otherwise: .max)
    guard first <= last else {
      throw Failure(.usage, "--from", "lies after --to", remedy: "exchange them")
    }
    return first...last
  }
}
