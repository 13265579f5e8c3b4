// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A recorded trace of accesses in fixtures/devices, step by step.
enum DeviceTrace {
  /// The fields of each line, and the line in words for whoever has to look for it.
  static func steps(_ name: String) throws -> [(place: String, fields: [String])] {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../../fixtures/devices/\(name).txt")
    return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").enumerated().map {
      ("line \($0 + 1), \($1)", $1.split(separator: " ").map(String.init))
    }
  }
}
