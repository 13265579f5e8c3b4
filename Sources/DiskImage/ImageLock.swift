// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// What others may do with an image while it is open here.
package enum ImageSharing {
  /// This process writes it: nobody else writes, and nobody counts on it to stay as it is.
  case writing
  /// It must stay as it is: others may read it.
  case stable
  /// It may change: the files of a recording that is being made, which have their own ways to be read meanwhile.
  case any
}

/// QEMU's locks on image files, so that each sees what the other has open.
///
/// A process that uses a permission holds a shared lock on the byte `permissionBase` + its number, and one that does not grant it
/// to others on the byte `denialBase` + its number (QEMU's block/file-posix.c). They are locks of the open file
/// description (F_OFD_SETLK), which end when the last descriptor of it is closed.
struct ImageLock {
  private static let permissionBase = 100
  private static let denialBase = 200

  private static let consistentRead = 0
  private static let write = 1
  private static let resize = 3

  /// Linux's numbers, which its C header shows only to those who ask for GNU extensions.
  private static let getLock: Int32 = 36
  private static let setLock: Int32 = 37

  private let used: [Int]
  private let denied: [Int]

  init?(_ sharing: ImageSharing) {
    switch sharing {
    case .any: return nil
    case .stable: (used, denied) = ([Self.consistentRead], [Self.write, Self.resize])
    case .writing:
      (used, denied) = ([Self.consistentRead, Self.write, Self.resize], [Self.write, Self.resize])
    }
  }

  /// False when another process has the file open in a way that does not go with this one. A file system without locks allows
  /// everything.
  func take(_ descriptor: Int32) -> Bool {
    // First said, then asked: of two that come at once none goes on unseen.
    for number in used { Self.set(descriptor, Self.permissionBase + number, Int16(F_RDLCK)) }
    for number in denied { Self.set(descriptor, Self.denialBase + number, Int16(F_RDLCK)) }
    let isFree =
      used.allSatisfy { Self.isFree(descriptor, Self.denialBase + $0) }
      && denied.allSatisfy { Self.isFree(descriptor, Self.permissionBase + $0) }
    if !isFree { release(descriptor) }
    return isFree
  }

  /// Explicitly: a child process on its way from fork to exec still holds the descriptor, and with it the locks.
  func release(_ descriptor: Int32) {
    for number in used { Self.set(descriptor, Self.permissionBase + number, Int16(F_UNLCK)) }
    for number in denied { Self.set(descriptor, Self.denialBase + number, Int16(F_UNLCK)) }
  }

  private static func set(_ descriptor: Int32, _ byte: Int, _ kind: Int16) {
    var lock = flock(l_type: kind, l_whence: Int16(SEEK_SET), l_start: byte, l_len: 1, l_pid: 0)
    _ = withUnsafeMutablePointer(to: &lock) { lock in uninterrupted { fcntl(descriptor, setLock, lock) } }
  }

  private static func isFree(_ descriptor: Int32, _ byte: Int) -> Bool {
    var lock = flock(l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: byte, l_len: 1, l_pid: 0)
    guard
      withUnsafeMutablePointer(to: &lock, { lock in uninterrupted { fcntl(descriptor, getLock, lock) } }) == 0
    else { return true }
    return lock.l_type == Int16(F_UNLCK)
  }
}
