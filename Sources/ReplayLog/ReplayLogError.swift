// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Why a log could not be written or read.
public struct ReplayLogError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Problem: Sendable, Equatable {
    /// A system call failed with this `errno`.
    case system(operation: String, code: Int32)
    /// The file to create exists.
    case exists
    /// Not a regular file.
    case notAFile
    /// Not a log at all.
    case notALog
    /// The file ends before its header does.
    case noHeader
    /// The log's major version is newer than `ReplayLogHeader.droppedVersion`.
    case newerVersion(ReplayLogVersion)
    /// An event of a kind that cannot be passed over, from a newer minor version.
    case unknownKind(UInt8)
    /// The bytes are not what the format allows.
    case damaged(String)
  }

  public var file: String
  /// The byte of the file where the trouble is; that of the gzip member for what is compressed.
  public var offset: UInt64?
  public var problem: Problem

  public init(file: String, offset: UInt64? = nil, problem: Problem) {
    self.file = file
    self.offset = offset
    self.problem = problem
  }

  /// One line: file, place, what is wrong, what to do.
  public var description: String {
    let place = offset.map { "\(file), byte \($0)" } ?? file
    return "\(place): \(problem.what); \(problem.advice)"
  }
}

extension ReplayLogError.Problem {
  fileprivate var what: String {
    switch self {
    case .system(let operation, let code): "cannot \(operation): \(String(cString: strerror(code)))"
    case .exists: "the log exists already"
    case .notAFile: "is not a regular file"
    case .notALog: "is not a replay log"
    case .noHeader: "the log ends before its header does"
    case .newerVersion(let version):
      "the log has format version \(version), this rrtool reads up to "
        + "\(ReplayLogHeader.droppedVersion.major).x"
    case .unknownKind(let kind): "an event of kind \(kind), which this rrtool does not know"
    case .damaged(let what): "the log is damaged: \(what)"
    }
  }

  fileprivate var advice: String {
    switch self {
    case .system(_, ENOSPC), .system(_, EDQUOT): "make room, or record to another disk"
    case .system(_, EACCES), .system(_, EPERM), .system(_, EROFS): "check its permissions and its folder's"
    case .system(_, ENOENT): "check the name"
    case .system: "check the disk it is on"
    case .exists: "choose another name, or remove it first"
    case .notAFile, .notALog: "name a recording made by rrtool record"
    case .noHeader: "nothing of it can be used; record again"
    case .newerVersion, .unknownKind: "use the rrtool that recorded it, or a newer one"
    case .damaged: "restore it from a copy, or record again"
    }
  }
}
