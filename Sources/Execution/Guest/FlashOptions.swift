// SPDX-License-Identifier: Apache-2.0

import HostSystem
import RecordingStore

/// What `--pflash` asks for.
public struct FlashOptions: Equatable, Sendable {
  public var path: String
  /// Whether the guest's programs and erases fail.
  public var isReadOnly = false

  /// Reads `FILE[,readonly=on|off]`. Two commas stand for one in a name.
  public init(parsing text: String) throws(Failure) {
    func refuse(_ problem: String) -> Failure {
      Failure(.usage, "--pflash \(text)", problem, remedy: "write FILE[,readonly=on|off]")
    }
    guard let first = text.first, first != "," else { throw refuse("names no file") }
    // QEMU's own option takes a name alone; with a key in front it is one of several.
    let fields = try OptionList.parse(
      text.hasPrefix("file=") ? text : "file=" + text, option: "--pflash")
    path = ""
    var keys: Set<String> = []
    for (key, value) in fields {
      guard keys.insert(key).inserted else { throw refuse("gives '\(key)' twice") }
      switch (key, value) {
      case ("file", _) where path.isEmpty && !value.isEmpty: path = value
      case ("readonly", "on"): isReadOnly = true
      case ("readonly", "off"): isReadOnly = false
      case ("readonly", _): throw refuse("readonly is on or off, not '\(value)'")
      default: throw refuse("'\(key)' is not an option of flash")
      }
    }
    if path.isEmpty { throw refuse("names no file") }
  }
}
