// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// Which recordings of the default folder are too many or too large together: the oldest.
public struct Pruning: Sendable {
  public struct Candidate: Sendable {
    public let path: String
    /// When it was begun: nanoseconds since 1970, UTC.
    public let created: UInt64
    /// Bytes on the disk.
    public let byteCount: UInt64

    /// Removes it; false when somebody uses it by now.
    public func remove() throws(Failure) -> Bool {
      do throws(Failure) {
        try Recording.remove(at: path)
      } catch {
        guard error.kind == .busy else { throw error }
        return false
      }
      return true
    }
  }

  /// All that can be read, the oldest first, and what they take.
  public private(set) var recordings: [Candidate] = []
  public private(set) var byteCount: UInt64 = 0
  /// What is to go, the oldest first.
  public private(set) var candidates: [Candidate] = []

  public init(of folder: TraceFolder, keep: Int?, byteLimit: UInt64?) throws(Failure) {
    for path in try folder.recordings() {
      guard let manifest = try? Recording(opening: path).manifest else { continue }
      let candidate = Candidate(path: path, created: manifest.created, byteCount: Self.byteCount(of: path))
      recordings.append(candidate)
      byteCount += candidate.byteCount
    }
    recordings.sort { ($0.created, $0.path) < ($1.created, $1.path) }
    var (left, bytes) = (recordings.count, byteCount)
    for candidate in recordings {
      guard keep.map({ left > $0 }) ?? false || byteLimit.map({ bytes > $0 }) ?? false else { break }
      guard !Recording.isBeingMade(at: candidate.path), RecordingUse(candidate.path)?.isAlone ?? false else {
        continue
      }
      candidates.append(candidate)
      left -= 1
      bytes -= min(bytes, candidate.byteCount)
    }
  }

  /// What the files in a recording's folder take.
  public static func byteCount(of path: String) -> UInt64 {
    ((try? HostFiles.names(in: path)) ?? []).reduce(0) { sum, name in
      var status = stat()
      guard lstat(path + "/" + name, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return sum }
      return sum + UInt64(clamping: status.st_blocks) * 512
    }
  }
}
