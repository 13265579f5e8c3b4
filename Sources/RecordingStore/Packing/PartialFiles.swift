// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// Files under which packing writes before all is there: `NAME.rrz.PID.N.partial`, and `NAME.rrz.PID.N.base.partial` for an image that
/// goes in. Whoever is killed leaves them; who packs or unpacks next in that folder, or lists it, removes them.
enum PartialFiles {
  static let suffix = ".partial"
  static let baseSuffix = ".base" + suffix

  /// Removes those of processes that are no more. Best effort: what cannot be removed is in nobody's way.
  ///
  /// - Parameter target: a packed recording that is to be made in `folder`, whatever its name ends with.
  static func removeLeftovers(in folder: String, of target: String? = nil) {
    for name in (try? HostFiles.names(in: folder)) ?? [] where isLeftover(name, target) {
      let path = folder + "/" + name
      let descriptor = HostFiles.open(path, for: .reading, followsLink: false)
      guard descriptor >= 0 else { continue }
      defer { close(descriptor) }
      // One that is written is locked, by a process that may not be one of this machine's.
      if uninterrupted({ flock(descriptor, LOCK_EX | LOCK_NB) }) == 0 { unlink(path) }
    }
  }

  private static func isLeftover(_ name: String, _ target: String?) -> Bool {
    guard name.hasSuffix(suffix) else { return false }
    let rest = name.dropLast(name.hasSuffix(baseSuffix) ? baseSuffix.count : suffix.count)
    let words = rest.split(separator: ".", omittingEmptySubsequences: false)
    guard words.count > 2, UInt16(words[words.count - 1]) != nil, let process = pid_t(words[words.count - 2]),
      process > 0
    else { return false }
    let owner = words.dropLast(2).joined(separator: ".")
    guard owner.hasSuffix(Recording.packedSuffix) || owner == target else { return false }
    return kill(process, 0) != 0 && errno == ESRCH
  }
}
