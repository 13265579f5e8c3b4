import Glibc

/// The folder of a recording that is being made.
///
/// Everything is built under another name beside the place where it is to stand. Only when the new recording can start does
/// it take that place, and only then is the one that stood there (`--force`) removed. Until then nothing is lost,
/// whatever fails. Files of the recording that stand elsewhere (`overlay=`, `rrfile=`) are treated alike.
package struct RecordingFolder {
  /// Where the recording is to stand.
  package let target: String
  /// Where it is built.
  package let workPath: String
  /// Files elsewhere: where each is to stand.
  private var outsiders: [(target: String, workPath: String)] = []
  private let force: Bool

  /// Checks that `target` is free, or may be replaced, and makes the folder to work in.
  package init(target: String, force: Bool) throws(Failure) {
    self.target = target
    self.force = force
    let parent = HostFiles.parentFolder(of: target)
    guard HostFiles.kind(of: parent) == .folder else {
      throw Failure(.file, parent, "is not a folder", remedy: "create it first, or name another output")
    }
    try Self.checkReplaceable(target, force: force)
    let name = HostFiles.lastName(of: target)
    workPath = "\(parent)/.\(name).\(getpid()).new"
    if HostFiles.kind(of: workPath) == .folder { try HostFiles.removeFlatFolder(workPath) }
    do throws(Failure) {
      try HostFiles.makeFolder(workPath)
    } catch {
      throw naming(error)
    }
  }

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
    let work = "\(parent)/.\(HostFiles.lastName(of: target)).\(getpid()).new"
    try HostFiles.removeFile(work)
    outsiders.append((target, work))
    return work
  }

  /// Puts everything in its place. What stood there before is removed last.
  package func commit() throws(Failure) {
    try Self.checkReplaceable(target, force: force)
    let old = HostFiles.kind(of: target) == nil ? nil : workPath + ".old"
    if let old { try HostFiles.move(target, to: old) }
    do throws(Failure) {
      try HostFiles.move(workPath, to: target)
    } catch {
      if let old { try? HostFiles.move(old, to: target) }
      throw error
    }
    for outsider in outsiders { try HostFiles.move(outsider.workPath, to: outsider.target) }
    if let old { try HostFiles.removeFlatFolder(old) }
  }

  /// Removes what was built. For when the recording could not start.
  package func discard() {
    // What cannot be removed now cannot be helped: the failure that led here is the one to show.
    try? HostFiles.removeFlatFolder(workPath)
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

  private static func checkReplaceable(_ target: String, force: Bool) throws(Failure) {
    guard HostFiles.kind(of: target) != nil || HostFiles.linkTarget(target) != nil else { return }
    guard force else {
      throw Failure(
        .exists, target, "exists already",
        remedy: "name another output with -o, or give --force to replace it")
    }
    guard HostFiles.linkTarget(target) == nil, Recording.exists(at: target) || isEmptyFolder(target) else {
      throw Failure(
        .exists, target, "is not a recording, and --force replaces nothing else",
        remedy: "name another output with -o")
    }
  }

  private static func isEmptyFolder(_ path: String) -> Bool {
    HostFiles.kind(of: path) == .folder && (try? HostFiles.names(in: path))?.isEmpty == true
  }
}
