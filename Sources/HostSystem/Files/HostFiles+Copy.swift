// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Copies of files.
extension HostFiles {
  private static let pieceSize = 1 << 20
  private static let holeSize = 1 << 16

  /// Copies a file to `target`, which must not exist; where there are zeros the copy has holes. Answers its size.
  package static func copy(
    _ path: String, to target: String, progress: (_ done: UInt64) throws(Failure) -> Void
  ) throws(Failure) -> UInt64 {
    let source = OwnedDescriptor(open(path, for: .reading))
    guard source.number >= 0 else { throw .system(errno, path: path, doing: "cannot open it") }
    guard kind(of: path) == .regular else {
      throw Failure(.file, path, "is not a regular file", remedy: "restore it from a copy")
    }
    let output = OwnedDescriptor(open(target, for: .creating))
    guard output.number >= 0 else { throw .system(errno, path: target, doing: "cannot create it") }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceSize, alignment: 4096)
    defer { buffer.deallocate() }
    var size = 0
    while true {
      let count = uninterrupted { pread(source.number, buffer.baseAddress, buffer.count, off_t(size)) }
      guard count >= 0 else { throw .system(errno, path: path, doing: "cannot read it") }
      if count == 0 { break }
      for start in stride(from: 0, to: count, by: holeSize) {
        let part = UnsafeRawBufferPointer(rebasing: buffer[start..<min(start + holeSize, count)])
        guard part.contains(where: { $0 != 0 }) else { continue }
        let problem = transferAll(part.count) { done in
          pwrite(
            output.number, part.baseAddress.map { $0 + done }, part.count - done, off_t(size + start + done))
        }
        if let problem { throw .system(problem, path: target, doing: "cannot write it") }
      }
      size += count
      try progress(UInt64(size))
    }
    guard uninterrupted({ ftruncate(output.number, off_t(size)) }) == 0 else {
      throw .system(errno, path: target, doing: "cannot write it")
    }
    return UInt64(size)
  }
}
