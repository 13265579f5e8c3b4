// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// A recording as one file that can be carried anywhere: docs/formats/packed-recording.md.
extension Recording {
  public struct PackFigures: Equatable, Sendable {
    /// Files in it, and their bytes.
    public var fileCount = 0
    public var byteCount: UInt64 = 0
    public var packedByteCount: UInt64 = 0
  }

  /// Writes the recording, and what a replay needs of the images under its drives, to the file `target`.
  public func pack(
    to target: String, replaces: Bool, symbols: [String] = [],
    progress: PackProgress = { (_, _) throws(Failure) in }
  ) throws(Failure) -> PackFigures {
    let folder = try Self.readingLock(path)
    defer { withExtendedLifetime(folder) {} }
    try Self.checkLiesOutside(target)
    try checkReadsOther(than: target)
    PartialFiles.removeLeftovers(in: HostFiles.parentFolder(of: target), of: HostFiles.lastName(of: target))
    // So that a name that is taken, or a wrong one, is told at once.
    let writer = try PackWriter(path: target, replaces: replaces, modified: manifest.created / 1_000_000_000)
    // Nobody could mend it where it is carried to.
    if let failure = lossFailure(of: try readWholeLog()) { throw failure }
    try BaseImages.check(self)
    let digests = try baseDigests()
    var total: UInt64 = 0
    var done: UInt64 = 0
    var packed = manifest
    var sources = [try PackSource(Self.memoryName, file: file(Self.memoryName))]
    packed.log = Self.plainName(manifest.log, otherwise: Self.logName)
    sources.append(try PackSource(packed.log, file: logPath, mayBeLink: packed.log != manifest.log))
    if let path = baseDigestsPath { sources.append(try PackSource(BaseDigests.fileName, file: path)) }
    for index in manifest.drives.indices {
      guard let overlay = manifest.drives[index].overlay else { continue }
      let name = Self.plainName(overlay, otherwise: "disk\(index).qcow2")
      packed.drives[index].overlay = name
      sources.append(try PackSource(name, file: file(overlay), mayBeLink: name != overlay))
    }
    try sources += symbolSources(symbols, &packed)
    total = sources.reduce(0) { $0 + $1.size }
    for known in digests.drives { total += 2 * UInt64(known.count) << 16 }
    func advance(_ count: UInt64) throws(Failure) {
      done += count
      try progress(min(done, total), total)
    }
    for (index, drive) in manifest.drives.enumerated() where !drive.bases.isEmpty {
      if drive.bases[0].fingerprint != nil {
        // Of older formats nobody knows what was read: the images go in as they are.
        for (number, base) in drive.bases.enumerated() {
          let name = "base\(index)-\(number).\(base.format.rawValue)"
          sources.append(try PackSource(name, file: base.path, mayBeLink: true))
          total += sources[sources.count - 1].size
          packed.drives[index].bases[number].path = "/" + name
          packed.drives[index].bases[number].relativePath = name
        }
      } else {
        let (image, base) = try PackedBase.make(
          drive: index, of: self, digests: digests,
          at: "\(target).\(getpid()).\(index)\(PartialFiles.baseSuffix)", progress: advance)
        packed.drives[index].bases = [base]
        sources.append(PackSource(base.path.dropFirst().description, image, size: base.size ?? 0))
      }
    }
    if let problem = packed.findProblem() {
      throw Failure(
        .damaged, path, "cannot be packed: there would be \(problem)", remedy: "record with plain file names")
    }
    sources.append(PackSource(Self.manifestName, Self.encoded(packed)))
    sources.sort { $0.name < $1.name }

    let top = Self.folderName(for: path)
    var figures = PackFigures()
    for source in sources {
      try writer.add(top + "/" + source.name, size: source.size) { (offset, buffer) throws(Failure) in
        let count = try source.read(offset, buffer)
        try advance(UInt64(count))
        return count
      }
      figures.fileCount += 1
      figures.byteCount += source.size
    }
    try writer.finish()
    figures.packedByteCount = writer.compressedByteCount
    return figures
  }

  /// The files with symbols that it has, and those that are to go in as well.
  private func symbolSources(
    _ more: [String], _ packed: inout RecordingManifest
  ) throws(Failure) -> [PackSource] {
    var sources: [PackSource] = []
    for name in manifest.symbols ?? [] { sources.append(try PackSource(name, file: file(name))) }
    var names = manifest.symbols ?? []
    for path in more {
      guard HostFiles.kind(of: path) != nil else {
        throw Failure(
          .file, path, "there is no such file", remedy: "name an ELF file with the guest's symbols")
      }
      let head = [UInt8]("\u{7f}ELF".utf8)
      let source = try PackSource(Self.symbolsName(besides: names), file: path, mayBeLink: true)
      var bytes = [UInt8](repeating: 0, count: head.count)
      if source.size >= UInt64(head.count) {
        let result = bytes.withUnsafeMutableBytes { buffer in
          Result { () throws(Failure) in try source.read(0, buffer) }
        }
        _ = try result.get()
      }
      guard bytes == head else {
        throw Failure(.file, path, "is not an ELF file", remedy: "name one with the guest's symbols")
      }
      names.append(source.name)
      sources.append(source)
    }
    if !names.isEmpty { packed.symbols = names }
    return sources
  }

  /// `symbols0.elf`, or the next that is not taken.
  private static func symbolsName(besides names: [String]) -> String {
    var number = 0
    while names.contains("symbols\(number).elf") { number += 1 }
    return "symbols\(number).elf"
  }

  private static func plainName(_ name: String, otherwise other: String) -> String {
    name.hasPrefix("/") ? other : name
  }

  /// The recording's own name, where an archive's entries can have it.
  private static func folderName(for path: String) -> String {
    let name = HostFiles.lastName(of: HostFiles.absolute(path))
    let isPlain =
      name.utf8.count <= 120 && name.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
    return isPlain ? name : "recording" + folderSuffix
  }
}
