// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// Where a result goes: a file that is there whole or not at all, or standard output, or another descriptor that the process was given.
enum ResultPlace: Sendable, Equatable {
  case standardOutput
  case descriptor(Int32)
  case file(String)

  init(_ text: String) {
    switch Self.descriptor(text) {
    case 1?: self = .standardOutput
    case let number?: self = .descriptor(number)
    // What a link leads to is replaced, and the link stays.
    case nil: self = .file(HostFiles.kind(of: text) == .regular ? HostFiles.resolved(text) ?? text : text)
    }
  }

  /// Names of what is open already: behind them may be any file, which stays.
  private static func descriptor(_ text: String) -> Int32? {
    switch text {
    case "-", "/dev/stdout": return 1
    case "/dev/stderr": return 2
    default:
      guard let folder = ["/dev/fd/", "/proc/self/fd/"].first(where: text.hasPrefix) else { return nil }
      return Int32(text.dropFirst(folder.count))
    }
  }

  /// Finds out whether it can be written before anything is done, and takes away what stands there: a result of an earlier command would
  /// be taken for this one's if this one is killed.
  func prepare() throws(Failure) {
    if case .descriptor(let number) = self, fcntl(number, F_GETFD) < 0 {
      throw .system(errno, path: "/dev/fd/\(number)", doing: "cannot be written")
    }
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
    case .descriptor(let number):
      if let problem = writeAll(Array(text.utf8), to: number) {
        throw .system(problem, path: "/dev/fd/\(number)", doing: "cannot be written")
      }
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
