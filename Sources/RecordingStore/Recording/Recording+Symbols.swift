// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import Glibc
import HostSystem

/// A file with symbols, and where its program lies.
public struct SymbolFile: Equatable, Sendable {
  public var path: String
  /// What is added to its addresses.
  public var displacement: UInt64

  public init(path: String, displacement: UInt64 = 0) {
    self.path = path
    self.displacement = displacement
  }
}

extension Recording {
  /// What is known of a file with symbols for this recording.
  public enum SymbolVerdict: Equatable, Sendable {
    /// It is of what was booted.
    case matching(SymbolFile)
    /// Nothing that was booted can say. The reason is for people.
    case unknown(SymbolFile, because: String)
    /// It is of another build; the failure says how that is known.
    case other(SymbolFile, Failure)
  }

  /// A program that was booted.
  private typealias Booted = (role: String, program: RecordingManifest.Boot.Image.Program)

  /// Compares a file with symbols with what was booted: build-ids where both have one; else what is loaded; else, where a file has nothing
  /// of that any more, where it lies, and the checksum that whatever it was split from has of it.
  public func judge(symbols path: String) throws(Failure) -> SymbolVerdict {
    let file = SymbolFile(path: path)
    let identity: ProgramIdentity
    switch try Self.identity(of: path) {
    case .success(let known): identity = known
    // An object file, such as a module of a kernel.
    case .failure(.unsupported(let what, _)) where what.contains("not an executable"):
      return .unknown(file, because: "it is no program that could be booted")
    case .failure(let error):
      throw Failure(.file, path, error.reason, remedy: "name an ELF file with the guest's symbols")
    }
    guard identity.buildID != nil || !identity.extents.isEmpty else {
      return .unknown(file, because: "it has no build-id and nothing that would be loaded")
    }
    let booted = bootedPrograms()
    var refusal: SymbolVerdict?
    var doubt: SymbolVerdict?
    for one in booted {
      let placed = SymbolFile(path: path, displacement: one.program.displacement ?? 0)
      switch try Self.compare(
        identity, with: one, checksum: { () throws(Failure) in try Self.checksum(of: path) }
      ) {
      case .same: return .matching(placed)
      case .different(let problem):
        refusal = .other(
          placed,
          Failure(
            .file, path, "is of another build than the \(one.role) that was booted: \(problem)",
            remedy: "name the right file, or give --force-symbols"))
      case .undecided(let why): doubt = .unknown(placed, because: why)
      case .unrelated: break
      }
    }
    return refusal ?? doubt
      ?? .unknown(
        file,
        because: booted.isEmpty
          ? "what was booted does not say which build it is" : "it lies where nothing lies that was booted")
  }

  /// ELF files that were booted and are still what they were, and a line for each that is not.
  public func bootedFiles() -> (files: [SymbolFile], missing: [String]) {
    var files: [SymbolFile] = []
    var missing: [String] = []
    // A kernel is more important than the firmware below it.
    let images = manifest.boot.images.filter { Self.isProgram($0) && $0.path.hasPrefix("/") }
    for image in images.filter({ $0.role == "kernel" }) + images.filter({ $0.role != "kernel" }) {
      guard let program = image.program else {
        // An older tool's, or none that is an ELF file.
        if let program = known(image), program.segments != nil {
          files.append(SymbolFile(path: image.path, displacement: program.displacement ?? 0))
        }
        continue
      }
      guard program.segments != nil else { continue }
      if Self.unchangedBytes(of: image) != nil {
        files.append(SymbolFile(path: image.path, displacement: program.displacement ?? 0))
      } else {
        let what =
          HostFiles.kind(of: image.path) == nil
          ? "the \(image.role) that was booted is not there any more"
          : "is not the \(image.role) that was booted any more"
        missing.append("\(image.path): \(what); its symbols are not loaded".printable)
      }
    }
    return (files, missing)
  }

  // MARK: What was booted

  private static func isProgram(_ image: RecordingManifest.Boot.Image) -> Bool {
    ["bios", "kernel"].contains(image.role)
  }

  private func bootedPrograms() -> [Booted] {
    manifest.boot.images.filter(Self.isProgram).compactMap { image in
      (image.program ?? known(image)).map { (image.role, $0) }
    }
  }

  /// What older tools have not noted, from the file if that is there.
  private func known(_ image: RecordingManifest.Boot.Image) -> RecordingManifest.Boot.Image.Program? {
    guard image.program == nil, image.path.hasPrefix("/"), let bytes = Self.unchangedBytes(of: image)
    else { return nil }
    return .init(booted: bytes, asKernel: image.role == "kernel", unpacked: nil)
  }

  /// Nil when the file is not what was booted any more.
  private static func unchangedBytes(of image: RecordingManifest.Boot.Image) -> [UInt8]? {
    guard HostFiles.size(of: image.path) == image.size,
      let bytes = try? HostFiles.read(image.path, limit: image.size),
      Digest.of(bytes).hexadecimal == image.digest
    else { return nil }
    return bytes
  }

  // MARK: Comparing

  private enum Comparison {
    case same
    case different(String)
    /// It should be this one, and nothing says whether it is.
    case undecided(String)
    /// It is another program.
    case unrelated
  }

  private static func compare(
    _ file: ProgramIdentity, with booted: Booted, checksum: () throws(Failure) -> UInt32
  ) throws(Failure) -> Comparison {
    let program = booted.program
    let identifier = file.buildID.map(RecordingManifest.Boot.Image.Program.digits)
    if let identifier, program.buildIDs.contains(identifier) { return .same }
    guard let segments = program.segments else {
      // A flat image, which does not say where it lies by virtual addresses. Kernels lie in the upper half, where no user's program does,
      // which has a build-id as well; what lies in memory may be this one, or what it starts.
      guard file.extents.contains(where: { $0.address >> 63 == 1 }) else {
        let isInMemory = file.extents.contains { $0.address >= MemoryMap.memoryBase }
        return isInMemory && !file.isForUsers
          ? .undecided("the \(booted.role) that was booted is a flat image") : .unrelated
      }
      guard let identifier else { return .undecided("it has no build-id") }
      guard let first = program.buildIDs.first else {
        return .undecided("the \(booted.role) that was booted has no build-id")
      }
      return .different("build-id \(identifier), and that has \(first)")
    }
    let extents = segments.map { ProgramIdentity.Extent(address: $0.address, size: $0.size) }
    guard !file.isForUsers,
      file.extents.contains(where: { one in extents.contains(where: one.overlaps) })
    else { return .unrelated }
    if let identifier, let first = program.buildIDs.first {
      return .different("build-id \(identifier), and that has \(first)")
    }
    if let contents = file.contents?.hexadecimal,
      let other = program.contents
    {
      return contents == other ? .same : .different("code with digest \(contents), and that has \(other)")
    }
    guard file.extents == extents else {
      return .different("it lies at \(describe(file.extents)), and that at \(describe(extents))")
    }
    // Many builds lie at the same places.
    guard let link = program.debugLink else {
      return .undecided(
        "it has neither a build-id nor what was loaded, and the \(booted.role) that was booted no .gnu_debuglink"
      )
    }
    let found = RecordingManifest.Boot.Image.Program.digits(try checksum())
    return found == link
      ? .same : .different("its checksum is \(found), and the .gnu_debuglink of that says \(link)")
  }

  /// Of a whole file, as `.gnu_debuglink` has it.
  private static func checksum(of path: String) throws(Failure) -> UInt32 {
    let descriptor = HostFiles.open(path, for: .reading)
    guard descriptor >= 0 else { throw .system(errno, path: path, doing: "cannot open it") }
    defer { close(descriptor) }
    var sum: UInt32 = 0
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .system(errno, path: path, doing: "cannot read it") }
      if count == 0 { return sum }
      sum = buffer.withUnsafeBytes {
        Zlib.crc32(UnsafeRawBufferPointer(rebasing: $0[..<count]), continuing: sum)
      }
    }
  }

  private static func describe(_ extents: [ProgramIdentity.Extent]) -> String {
    let shown = extents.prefix(4).map {
      "0x\(String($0.address, radix: 16))+0x\(String($0.size, radix: 16))"
    }
    return (shown + (extents.count > 4 ? ["..."] : [])).joined(separator: " ")
  }

  /// Reads of a file what tells its build: never all of one with gigabytes of debugging information.
  private static func identity(of path: String) throws(Failure) -> Result<ProgramIdentity, ImageFormatError> {
    guard HostFiles.kind(of: path) != .folder else {
      throw Failure(.file, path, "is a folder", remedy: "name the ELF file in it with the guest's symbols")
    }
    guard let size = HostFiles.size(of: path) else {
      throw Failure(.file, path, "there is no such file", remedy: "name an ELF file with the guest's symbols")
    }
    let descriptor = HostFiles.open(path, for: .reading)
    guard descriptor >= 0 else { throw .system(errno, path: path, doing: "cannot open it") }
    defer { close(descriptor) }
    func read(_ offset: UInt64, _ count: Int) -> [UInt8]? {
      var bytes = [UInt8](repeating: 0, count: count)
      let problem = bytes.withUnsafeMutableBytes { buffer in
        transferAll(count) { done in
          pread(descriptor, buffer.baseAddress.map { $0 + done }, count - done, off_t(offset) + off_t(done))
        }
      }
      return problem == nil ? bytes : nil
    }
    guard size >= 4, read(0, 4).map(ExecutableFile.isOne) ?? true else {
      throw Failure(.file, path, "is not an ELF file", remedy: "name one with the guest's symbols")
    }
    return Result { () throws(ImageFormatError) in try ProgramIdentity(size: size, read: read) }
  }
}
