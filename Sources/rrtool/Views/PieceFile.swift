// SPDX-License-Identifier: Apache-2.0

import HostSystem

/// A file that is written piece by piece, and stands under its name when all of it is there.
final class PieceFile {
  private let path: String
  private let file: OutputFile
  private var byteCount: UInt64 = 0

  init(_ path: String, replaces: Bool) throws(Failure) {
    self.path = path
    file = try OutputFile(
      path: path, replaces: replaces, permissions: 0o666,
      advice: "choose another name, or give --force to replace it")
  }

  func write(_ bytes: [UInt8]) throws {
    try writing { try bytes.withUnsafeBytes { try file.write($0, at: byteCount) } }
    byteCount += UInt64(bytes.count)
  }

  func finish() throws {
    try writing {
      try file.synchronize()
      try file.commit()
    }
  }

  private func writing(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as OutputError {
      throw Failure.system(error.number, path: path, doing: error.doing)
    }
  }
}
