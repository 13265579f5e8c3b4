// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Glibc
import HostSystem

extension Recording {
  /// Makes the recording in the folder `target` of the packed one at `packed`. Nothing stands there before all of it is read and right.
  ///
  /// The file is from a stranger: its entries are plain names in one folder, each once, and exactly those that its manifest names.
  ///
  /// - Parameter onlyLog: writes the manifest and the log alone, for who reads nothing else; the rest is read all the same, and is
  ///   what was packed.
  public static func unpack(
    _ packed: String, to target: String, force: Bool, onlyLog: Bool = false,
    progress: PackProgress = { (_, _) throws(Failure) in }
  ) throws(Failure) -> Recording {
    for file in [packed, target] { PartialFiles.removeLeftovers(in: HostFiles.parentFolder(of: file)) }
    let reader = try PackReader(packed)
    var unpacking: Unpacking?
    let folder = try RecordingFolder(target: target, force: force)
    do throws(Failure) {
      unpacking = Unpacking(reader, folder: folder.workPath, onlyLog: onlyLog)
      try unpacking?.run(progress)
      try folder.commit()
    } catch {
      let named = naming(error, as: packed, insteadOf: folder.workPath)
      unpacking?.discard()
      folder.discard()
      throw named
    }
    return try Recording(opening: target)
  }

  /// What is wrong with a file in the folder that is filled, in terms of the packed recording that it is filled from.
  private static func naming(_ failure: Failure, as packed: String, insteadOf folder: String) -> Failure {
    var failure = failure
    for folder in [HostFiles.absolute(folder), folder] {
      if failure.subject.hasPrefix(folder + "/") {
        failure.subject = packed + " (" + failure.subject.dropFirst(folder.count + 1) + ")"
        if [.damaged, .baseChanged].contains(failure.kind) { failure.remedy = Recording.packedDamageRemedy }
      } else if failure.subject == folder {
        failure.subject = packed
      }
      failure.problem = failure.problem.replacing(folder, with: packed)
    }
    return failure
  }

  private struct Unpacking {
    private static let pieceSize = 1 << 20
    private static let holeSize = 1 << 16
    private static let fileLimit = 4096

    private let reader: PackReader
    private let folder: String
    private let onlyLog: Bool
    private var names: Set<String> = []
    private var top: String?

    init(_ reader: PackReader, folder: String, onlyLog: Bool) {
      self.reader = reader
      self.folder = folder
      self.onlyLog = onlyLog
    }

    mutating func run(_ progress: PackProgress) throws(Failure) {
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceSize, alignment: 4096)
      defer { buffer.deallocate() }
      while let header = try reader.next() {
        guard let name = try plainName(of: header) else { continue }
        guard names.count < Self.fileLimit else {
          throw reader.damaged("has more than \(Self.fileLimit) files")
        }
        guard names.insert(name).inserted else {
          throw reader.damaged("has two files '\(name.printable)'")
        }
        if !onlyLog || Self.mayBeLog(name) { try extract(name, buffer, progress) }
      }
      try check()
    }

    /// Whether it is the manifest, or could be the log, which may have any name.
    private static func mayBeLog(_ name: String) -> Bool {
      name != Recording.memoryName && ![".qcow2", ".raw", ".elf"].contains(where: name.hasSuffix)
    }

    /// The name in the recording's folder; nil for that folder itself.
    private mutating func plainName(of header: TarHeader) throws(Failure) -> String? {
      var parts = header.name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
      if header.kind == .folder, parts.last == "" { parts.removeLast() }
      let isPlain = parts.allSatisfy { !["", ".", ".."].contains($0) }
      guard isPlain, parts.count == (header.kind == .folder ? 1 : 2), top == nil || top == parts[0] else {
        throw reader.damaged("has '\(header.name.printable)', and a recording has plain files in one folder")
      }
      top = parts[0]
      guard header.kind == .file else { return nil }
      let name = parts[1]
      let known = [Recording.manifestName, Recording.memoryName, BaseDigests.fileName]
      guard known.contains(name) || RecordingManifest.isFileOfRecording(name) else {
        throw reader.damaged("has '\(header.name.printable)', which is no file of a recording")
      }
      return name
    }

    /// Writes an entry's contents; zeros are left out, as those of an image are that has holes.
    private func extract(
      _ name: String, _ buffer: UnsafeMutableRawBufferPointer, _ progress: PackProgress
    ) throws(Failure) {
      let path = folder + "/" + name
      let descriptor = HostFiles.open(path, for: .creating)
      guard descriptor >= 0 else { throw .system(errno, path: path, doing: "cannot create it") }
      var size = 0
      var problem: Int32?
      while problem == nil {
        let count = try closing(descriptor) { () throws(Failure) in
          let count = try reader.read(into: buffer)
          try progress(reader.readByteCount, reader.byteCount)
          return count
        }
        if count == 0 { break }
        for start in stride(from: 0, to: count, by: Self.holeSize) where problem == nil {
          let part = UnsafeRawBufferPointer(rebasing: buffer[start..<min(start + Self.holeSize, count)])
          if part.contains(where: { $0 != 0 }) { problem = Self.write(part, descriptor, at: size + start) }
        }
        size += count
      }
      if problem == nil, uninterrupted({ ftruncate(descriptor, off_t(size)) }) != 0 { problem = errno }
      if close(descriptor) != 0, problem == nil { problem = errno }
      if let problem { throw .system(problem, path: path, doing: "cannot write it") }
    }

    private func closing<Value>(
      _ descriptor: Int32, _ body: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
      do throws(Failure) {
        return try body()
      } catch {
        close(descriptor)
        throw error
      }
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, _ descriptor: Int32, at offset: Int) -> Int32?
    {
      transferAll(bytes.count) { done in
        pwrite(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(offset + done))
      }
    }

    /// Whether what is there is a recording, and all of it.
    private func check() throws(Failure) {
      guard names.contains(Recording.manifestName) else {
        throw reader.damaged("has no \(Recording.manifestName): it is no packed recording")
      }
      let recording = try Recording(opening: folder)
      // As it is written: where bases were found by now does not count.
      let file = folder + "/" + Recording.manifestName
      let manifest = try Recording.decode(HostFiles.read(file, limit: Recording.manifestLimit), file: file)
      var wanted = [Recording.manifestName, Recording.memoryName, manifest.log]
      wanted += manifest.drives.compactMap(\.overlay) + (manifest.symbols ?? [])
      if recording.baseDigestsPath != nil { wanted.append(BaseDigests.fileName) }
      for base in manifest.drives.flatMap(\.bases) {
        wanted.append(base.relativePath ?? base.path)
        if let data = base.dataPath { wanted.append(data) }
        if base.path != "/" + (base.relativePath ?? "") { wanted.append(base.path) }
      }
      if let elsewhere = wanted.first(where: { $0.contains("/") }) {
        throw reader.damaged("is of a recording with files elsewhere: '\(elsewhere.printable)'")
      }
      if let missing = wanted.first(where: { !names.contains($0) }) {
        throw reader.damaged("lacks '\(missing.printable)', which its \(Recording.manifestName) names")
      }
      if let other = names.subtracting(wanted).min() {
        throw reader.damaged("has '\(other.printable)' in it, which is no part of the recording")
      }
      if let failure = recording.lossFailure(of: try recording.readWholeLog()) { throw failure }
      if !onlyLog { try BaseImages.check(recording, everything: true) }
    }

    /// Removes what was written.
    func discard() { for name in names { unlink(folder + "/" + name) } }
  }
}
