// SPDX-License-Identifier: Apache-2.0

/// A raw image: the disk's bytes as they are.
///
/// A file whose size is not a whole number of sectors is padded with zeros for the guest. Writing into that padding
/// makes the file longer, up to the whole sector.
public final class RawImage: BlockImage {
  private let file: ImageFile
  public let size: Int
  public var isReadOnly: Bool { file.isReadOnly }
  public var path: String { file.path }

  public convenience init(opening path: String, readOnly: Bool = true) throws(DiskImageError) {
    try self.init(file: ImageFile(opening: path, readOnly: readOnly))
  }

  /// Makes a new file of `size` zero bytes, a multiple of 512, that takes no space yet.
  public convenience init(creating path: String, size: Int) throws(DiskImageError) {
    guard size >= 0, size % Self.sectorSize == 0 else {
      throw DiskImageError(
        .limit, path: path, problem: "a size of \(size) bytes is not a whole number of sectors",
        advice: "give a multiple of 512")
    }
    let file = try ImageFile(creating: path)
    try file.resize(to: size)
    try self.init(file: file)
  }

  init(file: ImageFile) throws(DiskImageError) {
    self.file = file
    let (padded, overflow) = file.size.addingReportingOverflow(Self.sectorSize - 1)
    guard !overflow else {
      throw DiskImageError(
        .limit, path: file.path, problem: "the file is too large", advice: "use a smaller image")
    }
    size = padded / Self.sectorSize * Self.sectorSize
  }

  public func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskImageError) {
    try checkRange(offset, buffer.count)
    try file.read(at: offset, into: buffer)
  }

  public func write(at offset: Int, from bytes: UnsafeRawBufferPointer) throws(DiskImageError) {
    try checkWritable(offset, bytes.count)
    try file.write(at: offset, from: bytes)
  }

  public func writeZeroes(at offset: Int, count: Int) throws(DiskImageError) {
    try checkWritable(offset, count)
    let zeros = RawBuffer(count: min(count, 1 << 20))
    var done = 0
    while done < count {
      let part = min(zeros.bytes.count, count - done)
      try file.write(at: offset + done, from: UnsafeRawBufferPointer(zeros.bytes).slice(0, part))
      done += part
    }
  }

  /// Every write goes to the file at once.
  public func flush() throws(DiskImageError) {}
}
