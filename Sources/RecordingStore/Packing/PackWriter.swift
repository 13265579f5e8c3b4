// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Glibc
import HostSystem

/// Writes a packed recording: a tar archive within a frame of Zstandard. Nothing stands under its name before it is complete.
///
/// Every entry has the same time and no owner, so that the same contents give the same bytes.
final class PackWriter {
  private static let pieceSize = 1 << 20

  private let path: String
  private let file: OutputFile
  private let modified: UInt64
  private let compressor: ZstandardCompressor
  private let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceSize, alignment: 4096)
  private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceSize, alignment: 4096)
  /// Bytes of the archive, and of the file.
  private var byteCount: UInt64 = 0
  private(set) var compressedByteCount: UInt64 = 0

  /// - Parameter modified: the time of all entries, in seconds since 1970.
  init(path: String, replaces: Bool, modified: UInt64) throws(Failure) {
    self.path = path
    self.modified = modified
    compressor = try Self.packing(path) { () throws(ZstandardError) in try ZstandardCompressor() }
    file = try OutputFile(
      path: path, replaces: replaces, permissions: 0o666,
      advice: "choose another name, or give --force to replace it")
  }

  deinit {
    piece.deallocate()
    output.deallocate()
  }

  /// Adds a file of `size` bytes, which `read` puts into the buffer it is given, at an offset, as many as it wants but some.
  func add(
    _ name: String, size: UInt64,
    _ read: (_ offset: UInt64, _ buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int
  ) throws(Failure) {
    guard let header = TarHeader(name: name, size: size, modified: modified).encoded() else {
      throw Failure(
        .usage, name, "is too long a name for an archive", remedy: "give the recording a shorter one")
    }
    try put(header)
    var done: UInt64 = 0
    while done < size {
      let wanted = Int(min(UInt64(piece.count), size - done))
      let count = try read(done, UnsafeMutableRawBufferPointer(rebasing: piece[..<wanted]))
      try put(UnsafeRawBufferPointer(rebasing: piece[..<count]), isLast: false)
      done += UInt64(count)
    }
    try pad(to: TarHeader.blockSize)
  }

  /// Ends the archive and puts it in its place.
  func finish() throws(Failure) {
    try put([UInt8](repeating: 0, count: 2 * TarHeader.blockSize))
    try pad(to: TarHeader.recordSize)
    try put(UnsafeRawBufferPointer(rebasing: piece[..<0]), isLast: true)
    try output { () throws(OutputError) in
      try file.synchronize()
      try file.commit()
    }
  }

  private func pad(to size: Int) throws(Failure) {
    let rest = Int(byteCount % UInt64(size))
    if rest > 0 { try put([UInt8](repeating: 0, count: size - rest)) }
  }

  private func put(_ bytes: [UInt8]) throws(Failure) {
    let result = bytes.withUnsafeBytes { raw in
      Result { () throws(Failure) in try put(raw, isLast: false) }
    }
    try result.get()
  }

  private func put(_ bytes: UnsafeRawBufferPointer, isLast: Bool) throws(Failure) {
    var rest = bytes
    byteCount += UInt64(bytes.count)
    while isLast || !rest.isEmpty {
      let (taken, given, isOver) = try Self.packing(path) { () throws(ZstandardError) in
        try compressor.step(rest, isLast: isLast, into: output)
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
      if given > 0 {
        try output { () throws(OutputError) in
          try file.write(UnsafeRawBufferPointer(rebasing: output[..<given]), at: compressedByteCount)
        }
        compressedByteCount += UInt64(given)
      }
      if isOver { return }
    }
  }

  private static func packing<Value>(
    _ path: String, _ body: () throws(ZstandardError) -> Value
  ) throws(Failure) -> Value {
    do throws(ZstandardError) {
      return try body()
    } catch {
      throw Failure(.host, path, "cannot be compressed: \(error)", remedy: "end other programs and try again")
    }
  }

  private func output(_ body: () throws(OutputError) -> Void) throws(Failure) {
    do throws(OutputError) {
      try body()
    } catch {
      throw .system(error.number, path: path, doing: error.doing)
    }
  }
}
