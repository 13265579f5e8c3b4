// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// Where a result goes: a file that is there whole or not at all, or standard output.
enum ResultPlace: Sendable, Equatable {
  case standardOutput
  case file(String)

  init(_ text: String) { self = text == "-" ? .standardOutput : .file(text) }

  /// Finds out whether it can be written before anything is done, and takes away what stands there: a result of an earlier command would
  /// be taken for this one's if this one is killed.
  func prepare() throws(Failure) {
    guard case .file(let path) = self else { return }
    guard !path.isEmpty else {
      throw Failure(.usage, "--result", "names no file", remedy: "give a file, or - for standard output")
    }
    switch HostFiles.kind(of: path) {
    case .folder:
      throw Failure(.file, path, "is a folder", remedy: "name a file in it for --result")
    case .regular:
      // It goes, and stays gone until the end.
      guard access(path, W_OK) == 0 else { throw .system(errno, path: path, doing: "cannot be written") }
      try HostFiles.removeFile(path)
    case nil:
      try HostFiles.replace(path, with: [])
      try HostFiles.removeFile(path)
    default:
      guard access(path, W_OK) == 0 else { throw .system(errno, path: path, doing: "cannot be written") }
    }
  }

  func write(_ text: String) throws(Failure) {
    switch self {
    case .standardOutput: StandardOutput.write(text)
    case .file(let path):
      let bytes = Array(text.utf8)
      let kind = HostFiles.kind(of: path)
      guard kind != nil, kind != .regular else { return try HostFiles.replace(path, with: bytes) }
      // A pipe or a device: there is nothing to put in its place.
      let descriptor = HostFiles.open(path, for: .sending)
      guard descriptor >= 0 else { throw .system(errno, path: path, doing: "cannot be written") }
      defer { close(descriptor) }
      if let problem = writeAll(bytes, to: descriptor) {
        throw .system(problem, path: path, doing: "cannot be written")
      }
    }
  }
}
