// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// The folder of a recording that is being made.
///
/// Everything is built under another name beside the place where it is to stand. When the new recording can start it takes
/// that place. Where one stands there already (`--force`), the new one must be more than that: it can be replayed. Only then is the old
/// one removed. Until then nothing is lost, whatever fails. Files of the recording that stand elsewhere (`overlay=`, `rrfile=`)
/// are treated alike.
///
/// Both folders are locked meanwhile, so that nobody takes one of them away; and what its recorder writes into the new one goes there
/// through its descriptor, whatever stands at its name.
package struct RecordingFolder: Sendable {
  /// Where the recording is to stand.
  package let target: String
  /// Where it is built.
  package let workPath: String
  package let folder: OpenFolder
  /// What stands at `target` and is to go; held for its lock.
  private let old: OpenFolder?
  /// Files elsewhere: where each is to stand.
  private var outsiders: [(target: String, workPath: String)] = []
  private let force: Bool

  private static let workSuffix = ".new"
  static let oldSuffix = ".old"

  /// Says whose it is, so that it can be taken away when that process is no more.
  static func workName(for name: String) -> String { ".\(name).\(getpid())\(workSuffix)" }

  /// Checks that `target` is free, or may be replaced, and makes the folder to work in.
  package init(target: String, force: Bool) throws(Failure) {
    self.target = target
    self.force = force
    try Recording.checkIsName(target)
    let parent = HostFiles.parentFolder(of: target)
    guard HostFiles.kind(of: parent) == .folder else {
      throw Failure(.file, parent, "is not a folder", remedy: "create it first, or name another output")
    }
    try Recording.checkLiesOutside(target)
    Self.removeLeftovers(in: parent)
    old = try Self.takeReplaceable(target, force: force)
    let name = HostFiles.lastName(of: target)
    workPath = "\(parent)/\(Self.workName(for: name))"
    if HostFiles.kind(of: workPath) == .folder { try Recording.removeFiles(of: workPath, isUnfinished: true) }
    do throws(Failure) {
      try HostFiles.makeFolder(workPath)
      folder = try Recording.own(workPath)
    } catch {
      // It may be there already, and nothing is in it yet.
      rmdir(workPath)
      var error = error
      if error.subject.hasPrefix(workPath) { error.subject = target }
      throw error
    }
  }

  /// Whether another recording stands at the place of this one.
  package var replacesOne: Bool { old != nil }

  /// Adds a file that is to stand outside of the folder. Answers where to create it.
  package mutating func addOutsider(_ path: String, option: String) throws(Failure) -> String {
    let target = HostFiles.absolute(path)
    guard !outsiders.contains(where: { $0.target == target }) else {
      throw Failure(
        .usage, "\(option)=\(path)", "names a file that has another purpose already", remedy: "name another")
    }
    switch HostFiles.kind(of: target) {
    case nil: break
    case .regular? where force: break
    case .regular?:
      throw Failure(
        .exists, path, "exists already", remedy: "name another \(option), or give --force to replace it")
    default:
      throw Failure(.exists, path, "exists and is not a file", remedy: "name another \(option)")
    }
    let parent = HostFiles.parentFolder(of: target)
    let work = "\(parent)/.\(HostFiles.lastName(of: target)).\(getpid())\(Self.workSuffix)"
    try HostFiles.removeFile(work)
    outsiders.append((target, work))
    return work
  }

  /// Puts everything in its place. What stood there before is removed last.
  package func commit() throws(Failure) {
    if old != nil {
      try Recording.checkHoldsNothingElse(target)
    } else {
      try Self.checkIsFree(target)
    }
    // Afterwards the old one lies where the new one was.
    if old != nil, HostFiles.exchange(workPath, target) {
      for outsider in outsiders { try HostFiles.move(outsider.workPath, to: outsider.target) }
      try Recording.removeFiles(of: workPath)
      return
    }
    // Where that cannot be: whoever is killed between the two leaves the old one under a name from which the next recorder puts it
    // back.
    let oldPath = old == nil ? nil : workPath + Self.oldSuffix
    if let oldPath { try HostFiles.move(target, to: oldPath) }
    do throws(Failure) {
      try HostFiles.move(workPath, to: target)
    } catch {
      if let oldPath { try? HostFiles.move(oldPath, to: target) }
      throw error
    }
    for outsider in outsiders { try HostFiles.move(outsider.workPath, to: outsider.target) }
    if let oldPath { try Recording.removeFiles(of: oldPath) }
  }

  /// Removes what was built. For when the recording could not start.
  package func discard() {
    // What cannot be removed now cannot be helped: the failure that led here is the one to show.
    try? Recording.removeFiles(of: workPath, isUnfinished: true)
    for outsider in outsiders { try? HostFiles.removeFile(outsider.workPath) }
  }

  /// A failure in terms of the names that the user gave, not of those where the recording is built.
  package func naming(_ failure: Failure) -> Failure {
    var failure = failure
    for (target, work) in outsiders + [(target, workPath)] where failure.subject.hasPrefix(work) {
      failure.subject = target + failure.subject.dropFirst(work.count)
    }
    return failure
  }

  private static func checkIsFree(_ target: String) throws(Failure) {
    guard HostFiles.kind(of: target) != nil || HostFiles.linkTarget(target) != nil else { return }
    throw Failure(
      .exists, target, "exists already",
      remedy: "name another output with -o, or give --force to replace it")
  }

  /// What stands at `target`, locked; nil when nothing does.
  static func takeReplaceable(_ target: String, force: Bool) throws(Failure) -> OpenFolder? {
    guard HostFiles.kind(of: target) != nil || HostFiles.linkTarget(target) != nil else { return nil }
    guard force else {
      try checkIsFree(target)
      return nil
    }
    guard HostFiles.linkTarget(target) == nil, Recording.exists(at: target) || isEmptyFolder(target) else {
      throw Failure(
        .exists, target, "is not a recording, and --force replaces nothing else",
        remedy: "name another output with -o")
    }
    let old = try Recording.own(target)
    try Recording.checkHoldsNothingElse(target)
    return old
  }

  private static func isEmptyFolder(_ path: String) -> Bool {
    HostFiles.kind(of: path) == .folder && (try? HostFiles.names(in: path))?.isEmpty == true
  }

  // MARK: What killed recorders leave

  /// Removes the folders in which recorders worked that are no more, and puts back what one of them was about to replace. Best effort:
  /// what cannot be removed is in nobody's way.
  static func removeLeftovers(in parent: String) {
    guard let names = try? HostFiles.names(in: parent) else { return }
    // The longer names first: an old recording must be back before the new one beside it goes.
    for name in names.filter({ $0.hasPrefix(".") }).sorted(by: { $0.utf8.count > $1.utf8.count }) {
      let isOld = name.hasSuffix(workSuffix + oldSuffix)
      guard let target = leftoverTarget(name), let folder = OpenFolder("\(parent)/\(name)"), folder.lock()
      else {
        continue
      }
      if isOld, HostFiles.kind(of: "\(parent)/\(target)") == nil {
        try? HostFiles.move("\(parent)/\(name)", to: "\(parent)/\(target)")
      } else {
        try? Recording.removeFiles(of: "\(parent)/\(name)", isUnfinished: !isOld)
      }
    }
  }

  /// `NAME` for `.NAME.PID.new` and `.NAME.PID.new.old` of a process that is no more; nil for all other names.
  private static func leftoverTarget(_ name: String) -> String? {
    var rest = name.dropFirst()
    if rest.hasSuffix(oldSuffix) { rest = rest.dropLast(oldSuffix.count) }
    guard rest.hasSuffix(workSuffix) else { return nil }
    rest = rest.dropLast(workSuffix.count)
    guard let dot = rest.lastIndex(of: "."), let process = pid_t(rest[rest.index(after: dot)...]),
      process > 0,
      kill(process, 0) != 0, errno == ESRCH, dot > rest.startIndex
    else { return nil }
    return String(rest[..<dot])
  }
}
