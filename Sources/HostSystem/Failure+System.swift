// SPDX-License-Identifier: Apache-2.0

import Glibc

extension Failure {
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

  /// Whether an error number says that the host cannot, whatever the file.
  package static func isHostTrouble(_ number: Int32) -> Bool {
    [ENOSPC, EDQUOT, EIO, EFBIG, EMFILE, ENFILE].contains(number)
  }
}
