// SPDX-License-Identifier: Apache-2.0

import CoreDump
import Foundation
import HostSystem
import TestSupport
import Testing

/// A core that was written to a file, as `read_core.py` reads it.
final class CoreOnDisk {
  let path: String

  init(_ bytes: [UInt8]) throws {
    path = NSTemporaryDirectory() + "rrtool-core-\(UUID().uuidString)"
    try Data(bytes).write(to: URL(filePath: path))
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  struct Description: Decodable {
    struct Note: Decodable {
      let owner: String
      let type: UInt32
      let size: Int
      let thread: Int?
      let registers: [String]?
      let status: UInt32?
      let text: String?
    }
    struct Segment: Decodable, Equatable {
      let offset: String
      let virtual: String
      let physical: String
      let size: String
    }
    let format: String
    let notes: [Note]
    let segments: [Segment]?
    let names: [String]?
    let information: String?
    let harts: Int?
    let pages: Int?
    let distinct: Int?
  }

  func describe() throws -> Description {
    try JSONDecoder().decode(Description.self, from: Data(read()))
  }

  /// What the reader prints; with arguments memory.
  func read(_ arguments: String...) throws -> [UInt8] {
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "read_core.py").path
    let result = try runProgram(["python3", script, path] + arguments)
    try #require(result.status == 0, "read_core.py fails on \(arguments): \(result.errors)")
    return result.output
  }
}

/// A core in memory. It insists on what `CoreOutput` promises.
final class MemoryOutput: CoreOutput {
  private(set) var bytes: [UInt8] = []
  private(set) var written = IndexSet()

  func setSize(_ size: UInt64) throws(OutputError) {
    bytes += [UInt8](repeating: 0, count: max(0, Int(size) - bytes.count))
  }

  func write(_ data: UnsafeRawBufferPointer, at offset: UInt64) throws(OutputError) {
    let range = Int(offset)..<Int(offset) + data.count
    #expect(!written.intersects(integersIn: range), "written twice at \(range)")
    written.insert(integersIn: range)
    if bytes.count < range.upperBound {
      bytes += [UInt8](repeating: 0, count: range.upperBound - bytes.count)
    }
    bytes.replaceSubrange(range, with: data)
  }
}
