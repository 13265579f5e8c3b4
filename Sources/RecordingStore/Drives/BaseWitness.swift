// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import DiskImage
import Glibc
import HostSystem
import Synchronization

/// Writes down what a run reads of the images under its drives (`BaseDigests`), each cluster at its first reading.
///
/// Every entry is written at once: a recorder may be killed at any moment, and what is missing then is not compared.
package final class BaseWitness: Sendable {
  private struct State {
    var count = 0
    var failure: Failure?
  }

  private let path: String
  private let descriptor: Int32
  private let state = Mutex(State())

  package init(creating path: String) throws(Failure) {
    self.path = path
    descriptor = HostFiles.open(path, for: .creating)
    guard descriptor >= 0 else { throw .system(errno, path: path, doing: "cannot create it") }
    var header = ByteWriter(reserving: BaseDigests.headerSize)
    header.raw(BaseDigests.magic)
    header.uint32(BaseDigests.version)
    header.uint32(UInt32(WitnessedImage.clusterSize))
    if let problem = writeAll(header.bytes, to: descriptor) {
      throw .system(problem, path: path, doing: "cannot be written")
    }
  }

  deinit { close(descriptor) }

  /// Entries so far.
  package var count: Int { state.withLock(\.count) }
  /// Why some are missing, if they are.
  package var failure: Failure? { state.withLock(\.failure) }

  /// What the recording needs besides is missing.
  func fail(_ failure: Failure) { state.withLock { $0.failure = $0.failure ?? failure } }

  package func note(drive: Int, cluster: Int, digest: UInt64) {
    let bytes = BaseDigests.encoded(drive: drive, cluster: cluster, digest: digest)
    state.withLock { state in
      guard state.failure == nil else { return }
      if let problem = writeAll(bytes, to: descriptor) {
        state.failure = .system(problem, path: path, doing: "cannot be written")
      } else {
        state.count += 1
      }
    }
  }
}
