// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A folder for one test, removed when the test is over.
package final class TestFolder {
  package let path: String

  /// - Parameter parent: where it is made; nil: where temporary files go.
  package init(in parent: String? = nil) {
    // A test that has no folder cannot go on.
    path = try! parent.map { try makeTemporaryFolder(in: $0) } ?? makeTemporaryFolder()
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  package func file(_ name: String) -> String { path + "/" + name }

  package func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }

  /// Names in the folder, sorted.
  package var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }
}

package func readFile(_ path: String) throws -> [UInt8] {
  Array(try Data(contentsOf: URL(fileURLWithPath: path)))
}

/// A built guest of `fixtures/guests`.
package func fixture(_ name: String) -> String {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("fixtures/guests/built/\(name).elf").path
}

/// Replaces the bytes of a file that may be open, without making it anew.
package func overwrite(_ path: String, _ bytes: [UInt8]) throws {
  let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
  try handle.write(contentsOf: Data(bytes))
  try handle.close()
}
