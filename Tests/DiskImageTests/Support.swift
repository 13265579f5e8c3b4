// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Foundation
import TestSupport
import Testing

/// A folder for one test, removed with it.
final class TemporaryFolder {
  let path: String

  init() {
    path = NSTemporaryDirectory() + "rrtool-disk-\(UUID().uuidString)"
    // Without its folder a test can only stop.
    try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }

  func write(_ name: String, _ bytes: [UInt8]) -> String {
    #expect(FileManager.default.createFile(atPath: file(name), contents: Data(bytes)))
    return file(name)
  }
}

func contents(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

/// Runs one of QEMU's tools and gives its exit status and all it says.
@discardableResult
func tool(_ arguments: String..., folder: String? = nil) throws -> (status: Int32, output: String) {
  let result = try runProgram(arguments, folder: folder)
  return (result.status, result.everything)
}

func expectQemuCheckIsClean(_ path: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
  let result = try tool("qemu-img", "check", "-U", "-f", "qcow2", path)
  #expect(result.status == 0, "\(result.output)", sourceLocation: sourceLocation)
}

extension SeededGenerator {
  mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

  /// Bytes that compress well, badly or not at all, or zeros.
  mutating func bytes(_ count: Int) -> [UInt8] {
    switch below(4) {
    case 0:
      let value = UInt8(truncatingIfNeeded: next())
      return [UInt8](repeating: value, count: count)
    case 1: return [UInt8](repeating: 0, count: count)
    case 2: return (0..<count).map { _ in UInt8(truncatingIfNeeded: next() & 3) }
    default: return (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
  }
}

/// The error that `body` must throw; its description must be one line.
func diskError(
  sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) -> DiskImageError? {
  do {
    try body()
  } catch let error as DiskImageError {
    #expect(!error.description.contains("\n"), sourceLocation: sourceLocation)
    return error
  } catch {
    Issue.record("an error of another kind: \(error)", sourceLocation: sourceLocation)
    return nil
  }
  Issue.record("no error", sourceLocation: sourceLocation)
  return nil
}
