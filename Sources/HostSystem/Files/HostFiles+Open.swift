// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What a file is opened for.
package enum FileUse {
  /// Reading what is there. A pipe that somebody put there is not waited for.
  case reading
  /// Reading and changing what is there.
  case updating
  /// Reading and writing a file of its own: whatever stands there already, a link too, is an error.
  case creating
  /// Writing one that is new or made empty.
  case replacing
  /// Writing to what is there and is no file: a pipe, a device.
  case sending
  /// A folder, to do things in it.
  case folder

  fileprivate var flags: Int32 {
    switch self {
    case .reading: O_RDONLY | O_NONBLOCK
    case .updating: O_RDWR | O_NONBLOCK
    case .creating: O_RDWR | O_CREAT | O_EXCL
    case .replacing: O_WRONLY | O_CREAT | O_TRUNC
    case .sending: O_WRONLY | O_NOCTTY
    case .folder: O_RDONLY | O_DIRECTORY
    }
  }
}

extension HostFiles {
  /// Opens a file: a descriptor, or less than 0 with the reason in `errno`.
  ///
  /// The tool opens files in no other way. None of its descriptors goes to the programs that it starts, and a signal that comes
  /// meanwhile is no failure.
  ///
  /// - Parameters:
  ///   - followsLink: false: a symbolic link at `path` itself is an error.
  ///   - folder: an open folder from which a relative path leads.
  ///   - permissions: of a new file, before the umask.
  package static func open(
    _ path: String, for use: FileUse, followsLink: Bool = true, in folder: Int32 = AT_FDCWD,
    permissions: mode_t = 0o666
  ) -> Int32 {
    let flags = use.flags | O_CLOEXEC | (followsLink ? 0 : O_NOFOLLOW)
    return uninterrupted { openat(folder, path, flags, permissions) }
  }
}
