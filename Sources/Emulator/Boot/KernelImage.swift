import ByteCoding

/// A kernel in any of the forms that distributions ship, unpacked and understood.
package enum KernelImage: Sendable, Equatable {
  /// An ELF file, loaded where it says.
  case executable(ExecutableFile)
  /// A Linux `Image`, which runs from any address that is a multiple of 2 MiB. It takes `memorySize` bytes there:
  /// the file, then what it uses before it knows its memory.
  case relocatable(bytes: [UInt8], memorySize: UInt64)

  /// Recognizes the file by its content: ELF, `Image` (which as an EFI application also is a PE file), EFI zboot, and
  /// the first two compressed with gzip.
  ///
  /// - Parameter unpackedSizeLimit: bytes that compressed content may unpack to; the machine's RAM.
  package init(_ file: [UInt8], unpackedSizeLimit: UInt64) throws(ImageFormatError) {
    if file.starts(with: Self.gzipMagic) {
      self = try Self.uncompressed(Self.unpack(file[...], limit: unpackedSizeLimit))
    } else if let payload = try Self.zbootPayload(file) {
      self = try Self.uncompressed(Self.unpack(payload, limit: unpackedSizeLimit))
    } else {
      self = try Self.uncompressed(file)
    }
  }

  private static let gzipMagic: [UInt8] = [0x1f, 0x8b]
  private static let acceptedForms = "a Linux Image (plain, EFI or gzip) or an ELF file for riscv64"

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
    throw .unsupported(what: "not a kernel this machine knows", use: acceptedForms)
  }

  private static let otherCompressions: [(magic: [UInt8], name: String)] = [
    ([0xfd, 0x37, 0x7a, 0x58, 0x5a], "xz"), ([0x28, 0xb5, 0x2f, 0xfd], "zstd"),
    ([0x42, 0x5a, 0x68], "bzip2"), ([0x04, 0x22, 0x4d, 0x18], "lz4"), ([0x02, 0x21, 0x4c, 0x18], "lz4"),
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
  private static func zbootPayload(_ file: [UInt8]) throws(ImageFormatError) -> ArraySlice<UInt8>? {
    guard file.starts(with: [0x4d, 0x5a]), field(of: file, at: 4, count: 4) == [0x7a, 0x69, 0x6d, 0x67]
    else { return nil }
    let headerSize: UInt64 = 64
    let header = try ExecutableFile.part("the EFI zboot header", of: file, at: 0, count: headerSize)
    let (offset, size) = ExecutableFile.fields(of: header[8...]) { (reader) throws(ByteCodingError) in
      (UInt64(try reader.uint32()), UInt64(try reader.uint32()))
    }
    let compression = String(decoding: header[24..<56].prefix { $0 != 0 }, as: UTF8.self)
    guard compression == "gzip" else {
      let name = compression.filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
      throw .unsupported(
        what: "an EFI zboot image compressed with \(name.isEmpty ? "an unnamed method" : name)",
        use: "one compressed with gzip, or a plain Image")
    }
    guard offset >= headerSize else {
      throw .inconsistent(what: "its EFI zboot payload begins at \(offset), within the header")
    }
    return try ExecutableFile.part("the EFI zboot payload", of: file, at: offset, count: size)
  }

  private static func unpack(_ data: ArraySlice<UInt8>, limit: UInt64) throws(ImageFormatError) -> [UInt8] {
    // The decompressor takes up to 4 GiB in and out; no kernel comes near that.
    let largest = UInt64(UInt32.max)
    guard UInt64(data.count) <= largest else {
      throw .unsupported(what: "\(readableSize(UInt64(data.count))) of compressed data", use: acceptedForms)
    }
    do throws(ZlibError) {
      return try Zlib.inflate(data, maximumSize: Int(min(limit, largest)), windowBits: Zlib.gzip)
    } catch {
      switch error {
      case .truncated: throw .damagedCompression(what: "it ends too early")
      case .damaged(let what): throw .damagedCompression(what: what)
      case .tooLarge(let limit): throw .unpacksBeyond(limit: UInt64(limit))
      }
    }
  }

  private static func field(of file: [UInt8], at offset: Int, count: Int) -> [UInt8]? {
    guard file.count >= offset + count else { return nil }
    return Array(file[offset..<offset + count])
  }
}
