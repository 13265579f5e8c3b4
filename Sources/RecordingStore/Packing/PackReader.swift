// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Glibc
import HostSystem

/// Reads a packed recording from its beginning to its end. It is a file from a stranger: whatever is in it gives an entry or an error.
package final class PackReader {
  private static let pieceSize = 1 << 20

  let path: String
  /// Bytes of the file, and how many of them are read.
  let byteCount: UInt64
  private(set) var readByteCount: UInt64 = 0
  private let descriptor: Int32
  private let decompressor: ZstandardDecompressor
  private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceSize, alignment: 16)
  /// What of `input` is still to be unpacked.
  private var rest = 0..<0
  /// The frame is over, with the right checksum.
  private var isOver = false
  /// Bytes of the entry, padding included, that are not read yet.
  private var entryRest: UInt64 = 0
  private var padding: UInt64 = 0

  package init(_ path: String) throws(Failure) {
    self.path = path
    guard let decompressor = try? ZstandardDecompressor() else {
      throw Failure(
        .host, path, "there is no memory to unpack it", remedy: "end other programs and try again")
    }
    self.decompressor = decompressor
    descriptor = HostFiles.open(path, for: .reading)
    guard descriptor >= 0 else { throw .system(errno, path: path, doing: "cannot open it") }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw Failure(.file, path, "is not a regular file", remedy: "name a packed recording")
    }
    byteCount = UInt64(clamping: status.st_size)
  }

  deinit {
    close(descriptor)
    input.deallocate()
  }

  func damaged(_ problem: String) -> Failure {
    Failure(.damaged, path, problem, remedy: Recording.packedDamageRemedy)
  }

  /// The next entry, after the contents of the one before, as far as they were not read; nil at the end.
  package func next() throws(Failure) -> TarHeader? {
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: TarHeader.blockSize, alignment: 16)
    defer { room.deallocate() }
    entryRest += padding
    padding = 0
    while entryRest > 0 { _ = try read(into: room) }
    try fill(room)
    let header: TarHeader?
    do throws(TarHeader.Problem) {
      header = try TarHeader(decoding: Array(room)[...])
    } catch {
      throw damaged("is damaged: it has \(error.what)")
    }
    guard let header else {
      try checkEnd(room)
      return nil
    }
    guard header.kind == .file || header.size == 0, header.size < 1 << 62 else {
      throw damaged("is damaged: '\(header.name.printable)' has \(header.size) bytes")
    }
    entryRest = header.size
    padding = (512 - header.size % 512) % 512
    return header
  }

  /// Reads of the entry's contents: as many bytes as there is room for, fewer at its end, none behind it.
  package func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
    let count = Int(min(UInt64(buffer.count), entryRest))
    try fill(UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
    entryRest -= UInt64(count)
    return count
  }

  /// Behind the last entry there are zeros, and then nothing.
  private func checkEnd(_ room: UnsafeMutableRawBufferPointer) throws(Failure) {
    while true {
      let count = try unpack(into: room)
      guard room[..<count].allSatisfy({ $0 == 0 }) else {
        throw damaged("is damaged: something stands behind its end")
      }
      if count == 0 { break }
    }
    guard rest.isEmpty, readByteCount == byteCount else {
      throw damaged("is damaged: something stands behind its end")
    }
  }

  private func fill(_ buffer: UnsafeMutableRawBufferPointer) throws(Failure) {
    var done = 0
    while done < buffer.count {
      let count = try unpack(into: UnsafeMutableRawBufferPointer(rebasing: buffer[done...]))
      guard count > 0 else { throw damaged("is damaged: its archive ends too early") }
      done += count
    }
  }

  /// Unpacks some bytes, at least one; none when the frame is over.
  private func unpack(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
    while !isOver {
      let (taken, given): (Int, Int)
      do throws(ZstandardError) {
        (taken, given, isOver) = try decompressor.step(
          UnsafeRawBufferPointer(rebasing: input[rest]), into: buffer)
      } catch {
        throw damaged(
          readByteCount <= UInt64(Self.pieceSize) && rest.lowerBound == 0
            ? "is not a packed recording, or is damaged"
            : "is damaged: its bytes are not those that were packed")
      }
      rest = rest.lowerBound + taken..<rest.upperBound
      if given > 0 { return given }
      if rest.isEmpty, !isOver { try refill() }
    }
    return 0
  }

  private func refill() throws(Failure) {
    let count = uninterrupted { pread(descriptor, input.baseAddress, input.count, off_t(readByteCount)) }
    guard count >= 0 else { throw .system(errno, path: path, doing: "cannot read it") }
    guard count > 0 else {
      throw damaged(
        byteCount == 0
          ? "is not a packed recording, or is damaged: it is empty"
          : "was cut: it ends before its archive does")
    }
    readByteCount += UInt64(count)
    rest = 0..<count
  }
}
