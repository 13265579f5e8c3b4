// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Glibc

/// Why a disk image cannot be opened, read or written. `description` is the one line a user sees.
public struct DiskImageError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What a caller may want to tell apart.
  public enum Kind: Equatable, Sendable {
    /// The operating system refused, with this error number.
    case system(Int32)
    /// The file's contents contradict themselves or the format.
    case damaged
    /// The file is valid and uses something that this program does not know.
    case unsupported
    /// The file is not of the right kind for what was asked: a device, a directory, in use, too small.
    case refused
    /// Its bytes are not what they were.
    case changed
    /// A write to an image opened for reading only.
    case readOnly
    /// A range that is not inside the image.
    case outOfRange
    /// No snapshot, or already a snapshot, of this name.
    case snapshot
    /// A limit of the format or of this program is reached.
    case limit
  }

  public let kind: Kind
  /// The file's path, as the user or the recording gave it.
  public let path: String
  /// What is wrong.
  public let problem: String
  /// What to do about it.
  public let advice: String

  public init(_ kind: Kind, path: String, problem: String, advice: String) {
    self.kind = kind
    self.path = path
    self.problem = problem
    self.advice = advice
  }

  public var description: String {
    "\(path): \(problem); \(advice)".printable
  }
}

extension DiskImageError {
  static func system(_ number: Int32, path: String, doing: String) -> DiskImageError {
    let advice =
      switch number {
      case ENOENT: "check the name"
      case EACCES, EPERM: "check the permissions of the file and its folder"
      case EROFS: "its file system cannot be written; choose another folder"
      case ENOSPC, EDQUOT: "make room on that file system and try again"
      case EFBIG: "the file system or a limit of this session allows no larger file"
      case EEXIST: "remove it or choose another name"
      case EIO: "the disk under it fails; copy what can be read to another disk"
      case EISDIR: "give the name of a file"
      case EMFILE, ENFILE: "raise the limit on open files"
      default: "check the file and its folder"
      }
    return DiskImageError(
      .system(number), path: path, problem: "\(doing): \(String(cString: strerror(number)))", advice: advice)
  }

  static func damaged(_ path: String, _ problem: String) -> DiskImageError {
    DiskImageError(
      .damaged, path: path, problem: "damaged image: \(problem)",
      advice: "use a good copy, or try 'qemu-img check -r all' on a copy")
  }

  static func unsupported(_ path: String, _ feature: String) -> DiskImageError {
    DiskImageError(
      .unsupported, path: path, problem: "the image uses \(feature), which is not supported",
      advice: "convert it with 'qemu-img convert -O qcow2'")
  }

  static func readOnly(_ path: String) -> DiskImageError {
    DiskImageError(
      .readOnly, path: path, problem: "written to, but opened for reading only",
      advice: "put an overlay over it, or open it for writing")
  }

  static func outOfRange(_ path: String, offset: Int, count: Int, size: Int) -> DiskImageError {
    DiskImageError(
      .outOfRange, path: path,
      problem: "\(count) bytes at offset \(offset) are not inside the \(size) bytes of the image",
      advice: "keep accesses inside the image")
  }
}
