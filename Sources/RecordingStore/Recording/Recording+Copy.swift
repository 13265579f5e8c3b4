// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// Recordings that are put elsewhere: moved and copied, so that the images under their drives are still found.
extension Recording {
  /// Called with what is done of how much, and may end it by throwing.
  public typealias PackProgress = (_ done: UInt64, _ total: UInt64) throws(Failure) -> Void

  /// Moves the recording at `path` to `target`, where nothing may stand. One that is being made stays.
  public static func move(
    _ path: String, to target: String, progress: PackProgress = { (_, _) throws(Failure) in }
  ) throws(Failure) {
    let path = HostFiles.resolved(path) ?? path
    let folder = try own(path)
    defer { withExtendedLifetime(folder) {} }
    let use = try useAlone(path)
    defer { withExtendedLifetime(use) {} }
    try checkIsName(target)
    try checkIsFree(target, for: path)
    try checkLiesOutside(target)
    let parent = HostFiles.absolute(HostFiles.parentFolder(of: target))
    guard HostFiles.kind(of: parent) == .folder else {
      throw Failure(.file, parent, "is not a folder", remedy: "create it first, or name another place")
    }
    let place = parent + "/" + HostFiles.lastName(of: target)
    guard !(place + "/").hasPrefix(path + "/") else {
      throw Failure(.usage, target, "lies in the recording itself", remedy: "name another place")
    }
    var recording = try Recording(opening: path)
    let before = recording.manifest
    let old = try recording.writtenManifest()
    recording.manifest = try recording.manifest(for: place)
    // Meanwhile the images are still found by where they are.
    try recording.writeManifest()
    // Nothing that came there meanwhile is replaced: a folder only ever takes the place of an empty one.
    if rename(path, place) == 0 { return }
    let problem = errno
    recording.manifest = old
    try recording.writeManifest()
    guard problem == EXDEV else { throw .system(problem, path: target, doing: "cannot put it there") }
    recording.manifest = before
    try checkHoldsNothingElse(path)
    _ = try recording.copyFiles(to: place, progress: progress)
    try removeFiles(of: path)
  }

  /// Copies the recording to `target`, where nothing may stand. The images under its drives stay where they are, and files of the
  /// recording that stand elsewhere (`overlay=`, `rrfile=`) are copied into the new one's folder.
  public func copy(
    to target: String, progress: PackProgress = { (_, _) throws(Failure) in }
  ) throws(Failure) -> Recording {
    let folder = try Self.readingLock(path)
    defer { withExtendedLifetime(folder) {} }
    try Self.checkIsName(target)
    try Self.checkIsFree(target, for: path)
    return try copyFiles(to: target, progress: progress)
  }

  private func copyFiles(to target: String, progress: PackProgress) throws(Failure) -> Recording {
    let folder = try RecordingFolder(target: target, force: false)
    do throws(Failure) {
      var copied = try manifest(for: HostFiles.absolute(target))
      var files = [(from: file(Self.memoryName), to: Self.memoryName)]
      func add(_ name: String, otherwise plain: String) -> String {
        let new = name.hasPrefix("/") ? plain : name
        files.append((file(name), new))
        return new
      }
      copied.log = add(manifest.log, otherwise: Self.logName)
      for name in manifest.symbols ?? [] { files.append((file(name), name)) }
      if let path = baseDigestsPath { files.append((path, Self.baseDigestsName)) }
      for index in manifest.drives.indices {
        if let overlay = manifest.drives[index].overlay {
          copied.drives[index].overlay = add(overlay, otherwise: "disk\(index).qcow2")
          // An image of the user's own stays theirs; what is copied of it is the recording's.
          copied.drives[index].recordsInto = false
        }
        for base in manifest.drives[index].bases where isOwn(base) {
          let name = HostFiles.lastName(of: base.path)
          files.append((path + "/" + name, name))
        }
      }
      if let problem = copied.findProblem() {
        throw Failure(
          .damaged, path, "cannot be copied: there would be \(problem)",
          remedy: "record with plain file names")
      }
      let total = files.reduce(0) { $0 + (HostFiles.size(of: $1.from) ?? 0) }
      var done: UInt64 = 0
      for (from, to) in files {
        guard from.hasPrefix(path + "/") == false || HostFiles.linkTarget(from) == nil else {
          throw Failure(.file, from, "is a link, which no recording has", remedy: "put the file itself there")
        }
        let before = done
        done += try HostFiles.copy(from, to: folder.workPath + "/" + to) { (count) throws(Failure) in
          try progress(before + count, total)
        }
      }
      try HostFiles.replace(folder.workPath + "/" + Self.manifestName, with: Self.encoded(copied))
      try folder.commit()
    } catch {
      folder.discard()
      throw folder.naming(error)
    }
    return try Recording(opening: target)
  }

  /// What the manifest says of where it is to stand at `place`, a path from the root.
  private func manifest(for place: String) throws(Failure) -> RecordingManifest {
    var written = try writtenManifest()
    for drive in written.drives.indices {
      for number in written.drives[drive].bases.indices where !isOwn(manifest.drives[drive].bases[number]) {
        // Where it was found.
        var base = manifest.drives[drive].bases[number]
        // Older formats have no such key.
        if base.fingerprint == nil { base = base.beside(place) }
        written.drives[drive].bases[number] = base
      }
    }
    return written
  }

  /// The manifest as it is written, whatever was found out about where bases are.
  private func writtenManifest() throws(Failure) -> RecordingManifest {
    let file = path + "/" + Self.manifestName
    return try Self.decode(HostFiles.read(file, limit: Self.manifestLimit), file: file)
  }

  /// Whether a base is a file in the recording's own folder.
  func isOwn(_ base: RecordingManifest.Drive.Base) -> Bool {
    guard let name = base.relativePath, RecordingManifest.isFileOfRecording(name) else { return false }
    return HostFiles.resolved(base.path) == HostFiles.resolved(path + "/" + name)
  }

  private static func checkIsFree(_ target: String, for path: String) throws(Failure) {
    guard HostFiles.absolute(target) != HostFiles.absolute(path) else {
      throw Failure(.usage, target, "is the recording itself", remedy: "name another place")
    }
    guard HostFiles.kind(of: target) != nil || HostFiles.linkTarget(target) != nil else { return }
    throw Failure(.exists, target, "exists already", remedy: "name another place, or remove that first")
  }
}
