// SPDX-License-Identifier: Apache-2.0

import HostSystem

/// Where a file or another recording must not be put.
extension Recording {
  /// Refuses a place inside a recording's folder: what stands there is part of it, and what does not belong there could neither be
  /// moved nor removed with it.
  public static func checkLiesOutside(_ target: String) throws(Failure) {
    let parent = HostFiles.absolute(HostFiles.parentFolder(of: HostFiles.absolute(target)))
    guard exists(at: parent) else { return }
    throw Failure(
      .usage, target,
      "lies in the recording \(HostFiles.lastName(of: parent)), which has room for its own files alone",
      remedy: "name a place elsewhere")
  }

  /// Refuses what cannot be the name of a recording's folder.
  public static func checkIsName(_ target: String) throws(Failure) {
    let name = HostFiles.lastName(of: target)
    guard !["", ".", "..", "/"].contains(name) else {
      throw Failure(
        .usage, "'\(target)'", "is no name for a recording",
        remedy: "name a folder that does not exist yet, NAME.rr")
    }
    guard !name.hasSuffix(packedSuffix) else {
      throw Failure(
        .usage, target, "is what a packed recording is called, one file, and this is to be a folder",
        remedy: "call it NAME.rr; 'rrtool pack' makes NAME.rrz of that")
    }
  }

  /// With --force a folder that stands at the target goes: nothing in it may be what this recording needs.
  package func checkKeepsWhatItReads(_ target: String) throws(Failure) {
    let target = HostFiles.absolute(target)
    guard target != HostFiles.absolute(path) else {
      throw Failure(.usage, target, "is the recording itself", remedy: "name another output with -o")
    }
    if let file = filesRead.first(where: { HostFiles.absolute(file($0)).hasPrefix(target + "/") }) {
      throw Failure(
        .usage, target, "would be replaced, and \(file) in it is needed",
        remedy: "name another output with -o")
    }
  }

  /// The same for a file: it may be none of those.
  public func checkReadsOther(than target: String) throws(Failure) {
    func place(_ path: String) -> String { HostFiles.resolved(path) ?? HostFiles.absolute(path) }
    guard filesNeeded.contains(where: { place($0) == place(target) }) else { return }
    throw Failure(.usage, target, "is needed by the recording", remedy: "name another output with -o")
  }

  /// The files that a replay reads, wherever they lie.
  public var filesNeeded: [String] { filesRead.map { file($0) } }

  private var filesRead: [String] {
    [manifest.log] + manifest.drives.compactMap(\.overlay)
      + manifest.drives.flatMap { $0.bases.flatMap(\.files) }
  }
}
