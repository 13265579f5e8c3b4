import DiskImage
import Glibc
import ReplayLog

extension Failure {
  package init(_ error: DiskImageError) {
    let kind: Kind =
      switch error.kind {
      case .system(let number): Self.isHostTrouble(number) ? .host : .file
      case .damaged: .damaged
      case .changed: .baseChanged
      default: .file
      }
    self.init(kind, error.path, error.problem, remedy: error.advice)
  }

  package init(_ error: ReplayLogError) {
    let kind: Kind =
      switch error.problem {
      case .system(_, let number): Self.isHostTrouble(number) ? .host : .file
      case .exists: .exists
      case .newerVersion, .unknownKind: .newerFormat
      case .noHeader, .damaged: .damaged
      case .notAFile, .notALog: .file
      }
    // The log's own description has file, place, problem and advice in the same order; keep its words.
    let parts = error.description.split(separator: "; ", maxSplits: 1).map(String.init)
    let place =
      parts[0].hasPrefix(error.file + ": ") ? String(parts[0].dropFirst(error.file.count + 2)) : parts[0]
    self.init(kind, error.file, place, remedy: parts.count > 1 ? parts[1] : "check the file")
  }

  /// What a system call said about `path`; `doing` is what was tried ("cannot create it").
  package static func system(_ number: Int32, path: String, doing: String) -> Failure {
    let remedy =
      switch number {
      case ENOENT: "check the name"
      case EACCES, EPERM: "check the permissions of the file and its folder"
      case EROFS: "choose a folder on a file system that can be written"
      case ENOSPC, EDQUOT: "make room on that file system and try again"
      case EEXIST: "remove it, choose another name, or give --force"
      case EIO: "the disk under it fails; try another"
      case EMFILE, ENFILE: "raise the limit on open files (ulimit -n)"
      case ENAMETOOLONG: "choose a shorter name"
      default: "check the file and its folder"
      }
    return Failure(
      isHostTrouble(number) ? .host : .file, path, "\(doing): \(String(cString: strerror(number)))",
      remedy: remedy)
  }

  private static func isHostTrouble(_ number: Int32) -> Bool {
    [ENOSPC, EDQUOT, EIO, EFBIG, EMFILE, ENFILE].contains(number)
  }
}

/// Runs `body`, turning its errors into failures.
package func withImageFailures<Result>(_ body: () throws(DiskImageError) -> Result) throws(Failure) -> Result
{
  do throws(DiskImageError) {
    return try body()
  } catch {
    throw Failure(error)
  }
}

/// Runs `body`, turning its errors into failures.
package func withLogFailures<Result>(_ body: () throws(ReplayLogError) -> Result) throws(Failure) -> Result {
  do throws(ReplayLogError) {
    return try body()
  } catch {
    throw Failure(error)
  }
}
