// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem
import Synchronization

/// Room on disk for clusters of a `ScratchOverlay`, in a temporary file that is made when the first one comes.
///
/// A cluster in it has an owner for as long as anybody holds it; its place is then used again. So the file is never larger than what
/// was held at one time.
final class SpillFile: Sendable {
  private struct State {
    var file: TemporaryFile?
    var free: [Int] = []
    /// Places that were ever used.
    var count = 0
  }

  let clusterSize: Int
  private let folder: String?
  private let state = Mutex(State())

  /// - Parameter folder: on whose file system it lies; nil: where temporary files do.
  init(clusterSize: Int, folder: String?) {
    self.clusterSize = clusterSize
    self.folder = folder
  }

  deinit { state.withLock { if let file = $0.file { close(file.descriptor) } } }

  /// Bytes that the file has, held or not.
  var byteCount: Int { state.withLock { $0.count } * clusterSize }

  /// A place of its own for a cluster, whose bytes are undefined.
  func allocate() throws(DiskImageError) -> SpilledCluster {
    let result = state.withLock { state in
      Result { () throws(DiskImageError) in
        let file: TemporaryFile
        if let made = state.file {
          file = made
        } else {
          file = try TemporaryFile(in: folder ?? TemporaryFile.defaultFolder)
          state.file = file
        }
        if let place = state.free.popLast() { return SpilledCluster(self, file, place: place) }
        state.count += 1
        return SpilledCluster(self, file, place: state.count - 1)
      }
    }
    return try result.get()
  }

  fileprivate func release(_ place: Int) { state.withLock { $0.free.append(place) } }
}

/// A cluster in a `SpillFile`, which holds on to it.
final class SpilledCluster: Sendable {
  private let owner: SpillFile
  private let file: TemporaryFile
  private let place: Int

  fileprivate init(_ owner: SpillFile, _ file: TemporaryFile, place: Int) {
    self.owner = owner
    self.file = file
    self.place = place
  }

  deinit { owner.release(place) }

  var byteCount: Int { owner.clusterSize }

  func read(at inside: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskImageError) {
    try transfer(buffer.count, at: inside, doing: "cannot read back what the guest wrote") {
      done, count, offset in pread(file.descriptor, buffer.baseAddress.map { $0 + done }, count, offset)
    }
  }

  func write(at inside: Int, from bytes: UnsafeRawBufferPointer) throws(DiskImageError) {
    try transfer(bytes.count, at: inside, doing: "cannot keep what the guest writes") {
      done, count, offset in pwrite(file.descriptor, bytes.baseAddress.map { $0 + done }, count, offset)
    }
  }

  private func transfer(
    _ count: Int, at inside: Int, doing: String, _ call: (_ done: Int, _ count: Int, off_t) -> Int
  ) throws(DiskImageError) {
    precondition(inside >= 0 && inside + count <= owner.clusterSize, "a cluster is left")
    let start = place * owner.clusterSize + inside
    guard let number = transferAll(count, { call($0, count - $0, off_t(start + $0)) }) else { return }
    let error = DiskImageError.system(number, path: file.folder, doing: doing)
    throw DiskImageError(
      error.kind, path: error.path, problem: error.problem,
      advice: "make room there, or name another folder with TMPDIR")
  }
}
