// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// A kernel in any of the forms that distributions ship, unpacked and understood.
package enum KernelImage: Sendable, Equatable {
  /// An ELF file, loaded where it says.
  case executable(ExecutableFile)
  /// A Linux `Image`, which runs from any address that is a multiple of 2 MiB. It takes `memorySize` bytes there:
  /// the file, then what it uses before it knows its memory. A file that says nothing about itself is taken for one, as on
  /// QEMU: a flat program lies, and starts, where a kernel would.
  case relocatable(bytes: [UInt8], memorySize: UInt64)

  /// Recognizes the file by its content: ELF, `Image` (which as an EFI application also is a PE file), EFI zboot, and
  /// the first two compressed with gzip or zstd.
  ///
  /// - Parameter unpackedSizeLimit: bytes that compressed content may unpack to; the machine's RAM.
  package init(_ file: [UInt8], unpackedSizeLimit: UInt64) throws(ImageFormatError) {
    if let compression = Compression(of: file) {
      self = try Self.uncompressed(compression.unpack(file[...], limit: unpackedSizeLimit))
    } else if let (payload, compression) = try Self.zbootPayload(file) {
      self = try Self.uncompressed(compression.unpack(payload, limit: unpackedSizeLimit))
    } else {
      self = try Self.uncompressed(file)
    }
  }

  static let acceptedForms = "a Linux Image (plain, EFI, gzip or zstd) or an ELF file for riscv64"

  private static func uncompressed(_ file: [UInt8]) throws(ImageFormatError) -> KernelImage {
    if ExecutableFile.isOne(file) {
      let freeAddress = MemoryMap.memoryBase + BootLayout.alignment
      return .executable(try ExecutableFile(file, freeAddress: freeAddress))
    }
    if let magic = field(of: file, at: 56, count: 4), magic == [0x52, 0x53, 0x43, 0x05] {
      return try relocatable(file)
    }
    // Short enough to be cut off, and beginning as the EFI form does.
    if file.starts(with: [0x4d, 0x5a]), file.count < imageHeaderSize {
      throw .truncated(
        part: "the header of an Image", needed: UInt64(imageHeaderSize), available: UInt64(file.count))
    }
    if field(of: file, at: 56, count: 4) == [0x41, 0x52, 0x4d, 0x64] {
      throw .unsupported(what: "a Linux Image for arm64", use: acceptedForms)
    }
    for (magic, name) in otherCompressions where file.starts(with: magic) {
      throw .unsupported(what: "a file compressed with \(name)", use: acceptedForms)
    }
    guard !file.isEmpty else { throw .unsupported(what: "nothing in it", use: acceptedForms) }
    for (magic, what) in otherForms where file.starts(with: magic) {
      throw .unsupported(what: what, use: acceptedForms)
    }
    // No program, but a likely mistake, and one that would never end.
    guard !file.prefix(4096).allSatisfy({ (0x20..<0x7f).contains($0) || (0x09...0x0d).contains($0) }) else {
      throw .unsupported(what: "a text file", use: acceptedForms)
    }
    return .relocatable(bytes: file, memorySize: UInt64(file.count))
  }

  private static let otherCompressions: [(magic: [UInt8], name: String)] = [
    ([0xfd, 0x37, 0x7a, 0x58, 0x5a], "xz"), ([0x42, 0x5a, 0x68], "bzip2"),
    ([0x04, 0x22, 0x4d, 0x18], "lz4"), ([0x02, 0x21, 0x4c, 0x18], "lz4"),
    ([0x5d, 0, 0], "lzma"), ([0x89, 0x4c, 0x5a, 0x4f], "lzo"),
  ]

  /// What is no program by itself, though it may hold one.
  private static let otherForms: [(magic: [UInt8], what: String)] = [
    ([0x27, 0x05, 0x19, 0x56], "a U-Boot image (uImage)"),
    ([0xd0, 0x0d, 0xfe, 0xed], "a device tree or a FIT image"),
    ([0x1f, 0x8b], "a file compressed twice"), (Zstandard.magic, "a file compressed twice"),
    (Array("#!".utf8), "a script"),
    (Array("!<arch>".utf8), "an archive of object files"),
  ]

  // MARK: Linux Image (Documentation/arch/riscv/boot-image-header.rst)

  private static let imageHeaderSize = 64

  private static func relocatable(_ file: [UInt8]) throws(ImageFormatError) -> KernelImage {
    guard file.count >= imageHeaderSize else {
      throw .truncated(
        part: "the header of an Image", needed: UInt64(imageHeaderSize), available: UInt64(file.count))
    }
    let (imageSize, flags, headerOffset) = ExecutableFile.fields(of: file[16...]) {
      (reader) throws(ByteCodingError) in
      let imageSize = try reader.uint64()
      let flags = try reader.uint64()
      _ = try reader.raw(28)  // the version, the magic numbers and what is reserved
      return (imageSize, flags, UInt64(try reader.uint32()))
    }
    guard flags & 1 == 0 else {
      throw .unsupported(what: "a big-endian Linux Image", use: acceptedForms)
    }
    guard imageSize <= MachineConfiguration.memorySizeLimit else {
      throw .inconsistent(what: "its header states a size of \(imageSize) bytes")
    }
    if file.starts(with: [0x4d, 0x5a]) {
      try PortableExecutable.checkLength(of: file, headerOffset: headerOffset)
    }
    // The size in memory covers the file. A file that is longer carries something behind the image, and one that
    // is shorter leaves out nothing but zeroes at the image's end: that is where the kernel's bss lies.
    return .relocatable(bytes: file, memorySize: max(imageSize, UInt64(file.count)))
  }

  // MARK: EFI zboot (a decompressor for EFI firmware around a compressed Image)

  /// The compressed Image of an EFI zboot file; nil when the file is none.
  private static func zbootPayload(
    _ file: [UInt8]
  ) throws(ImageFormatError) -> (payload: ArraySlice<UInt8>, compression: Compression)? {
    guard file.starts(with: [0x4d, 0x5a]), field(of: file, at: 4, count: 4) == [0x7a, 0x69, 0x6d, 0x67]
    else { return nil }
    let headerSize: UInt64 = 64
    let header = try ExecutableFile.part("the EFI zboot header", of: file, at: 0, count: headerSize)
    let (offset, size) = ExecutableFile.fields(of: header[8...]) { (reader) throws(ByteCodingError) in
      (UInt64(try reader.uint32()), UInt64(try reader.uint32()))
    }
    let name = String(decoding: header[24..<56].prefix { $0 != 0 }, as: UTF8.self)
    guard let compression = Compression(named: name) else {
      let name = name.filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
      throw .unsupported(
        what: "an EFI zboot image compressed with \(name.isEmpty ? "an unnamed method" : name)",
        use: "one compressed with gzip or zstd, or a plain Image")
    }
    guard offset >= headerSize else {
      throw .inconsistent(what: "its EFI zboot payload begins at \(offset), within the header")
    }
    return (try ExecutableFile.part("the EFI zboot payload", of: file, at: offset, count: size), compression)
  }

  private static func field(of file: [UInt8], at offset: Int, count: Int) -> [UInt8]? {
    guard file.count >= offset + count else { return nil }
    return Array(file[offset..<offset + count])
  }
}
