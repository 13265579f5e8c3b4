// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// Taking recordings away, and nothing else.
extension Recording {
  /// Whether a recorder is at work in the folder at `path`.
  public static func isBeingMade(at path: String) -> Bool {
    OpenFolder(HostFiles.resolved(path) ?? path)?.isLockedElsewhere ?? false
  }

  /// Removes the recording at `path`. Nothing is removed while it is being made, or when its folder has what is not its own.
  ///
  /// The manifest goes last: after a failure half-way there is still something to be removed again.
  public static func remove(at path: String) throws(Failure) {
    let path = HostFiles.resolved(path) ?? path
    let folder = try own(path)
    defer { withExtendedLifetime(folder) {} }
    let use = try useAlone(path)
    defer { withExtendedLifetime(use) {} }
    try checkHoldsNothingElse(path)
    try removeFiles(of: path)
  }

  /// Refuses a recording that another command looks into; while the answer is held none begins to. What has no manifest nobody uses.
  static func useAlone(_ path: String) throws(Failure) -> RecordingUse? {
    guard let use = RecordingUse(path) else { return nil }
    guard use.isAlone else {
      throw Failure(
        .busy, path, "is in use: another rrtool looks into it", remedy: "end that one first")
    }
    return use
  }

  /// Takes the lock of a folder that is to go. It is held for as long as the answer is.
  static func own(_ path: String) throws(Failure) -> OpenFolder { try lock(path, shared: false) }

  /// Takes a lock that others may have too who only read. No recorder is at work while the answer is held.
  package static func readingLock(_ path: String) throws(Failure) -> OpenFolder {
    try lock(HostFiles.resolved(path) ?? path, shared: true)
  }

  private static func lock(_ path: String, shared: Bool) throws(Failure) -> OpenFolder {
    guard let folder = OpenFolder(path) else {
      throw .system(errno, path: path, doing: "cannot open the folder")
    }
    guard folder.lock(shared: shared) else {
      throw Failure(
        .busy, path, "is being made by another rrtool",
        remedy: "end that one first, or name another recording")
    }
    return folder
  }

  static func checkHoldsNothingElse(_ path: String) throws(Failure) {
    let own = ownNames(in: path)
    guard let other = try HostFiles.names(in: path).first(where: { !own.contains($0) }) else { return }
    throw Failure(
      .exists, path, "has '\(other)' in it, which is no part of the recording",
      remedy: "move that elsewhere first")
  }

  /// Removes the files of a recording and its folder, as far as nothing else is in it.
  ///
  /// - Parameter isUnfinished: it is a hidden folder in which a recording was built, whose manifest does not say yet what is its own.
  static func removeFiles(of path: String, isUnfinished: Bool = false) throws(Failure) {
    let own = ownNames(in: path)
    let names = try HostFiles.names(in: path).filter { name in
      name != manifestName && (own.contains(name) || isUnfinished && isNameOfBase(name))
    }
    for name in names { try HostFiles.removeFile(path + "/" + name) }
    try HostFiles.removeFile(path + "/" + manifestName)
    guard rmdir(path) == 0 else { throw .system(errno, path: path, doing: "cannot remove it") }
  }

  /// `base0.qcow2`, `base0-1.raw`.
  private static func isNameOfBase(_ name: String) -> Bool {
    guard name.hasPrefix("base"), let end = [".qcow2", ".raw"].first(where: name.hasSuffix) else {
      return false
    }
    let numbers = name.dropFirst(4).dropLast(end.count).split(
      separator: "-", omittingEmptySubsequences: false)
    return numbers.count <= 2 && numbers.allSatisfy { UInt16($0) != nil }
  }

  /// The names in a recording's folder that are its own: those that recorders give, and those that its manifest names.
  private static func ownNames(in path: String) -> Set<String> {
    var names: Set = [manifestName, memoryName, logName, baseDigestsName]
    names.formUnion((0..<64).map { "disk\($0).qcow2" })
    if let manifest = try? Recording(opening: path).manifest {
      for name in [manifest.log] + manifest.drives.compactMap(\.overlay) where !name.hasPrefix("/") {
        names.insert(name)
      }
      names.formUnion(manifest.symbols ?? [])
      // One that was packed has the images under its drives as well.
      let bases = manifest.drives.flatMap { $0.bases.compactMap(\.relativePath) }
      names.formUnion(bases.filter(RecordingManifest.isFileOfRecording))
    }
    // What is written anew gets this name first.
    return names.union(names.map { $0 + ".new" })
  }
}
