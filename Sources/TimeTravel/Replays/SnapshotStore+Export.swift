// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Execution
import HostSystem
import RecordingStore

extension SnapshotStore {
  /// Writes a snapshot's parts as raw files into a new folder; if it fails, there is no folder.
  public func export(_ name: String, to folder: String) throws(Failure) {
    _ = try find(name)
    guard HostFiles.kind(of: folder) == nil else {
      throw Failure(.exists, folder, "exists already", remedy: "name another folder")
    }
    try BaseImages.check(recording)
    // Loading compares memory and machine with their digests: nothing damaged is handed on as good.
    _ = try ReplaySession(
      recording, log: recording.openLog(), snapshot: name, console: NullConsoleOutput(), engine: .interpreter,
      checkpoints: nil)
    let (memory, _) = try load(name)
    try HostFiles.makeFolder(folder)
    do throws(Failure) {
      // RAM alone, as it lies from its first address on.
      try Self.copy(memory, to: folder + "/memory.raw", size: Int(recording.manifest.machine.memorySize))
      let digests = try recording.baseDigests()
      for index in recording.manifest.drives.indices {
        let replayed = try ReplayedDrive(index, of: recording, at: name, digests)
        try Self.copy(replayed.scratch, to: folder + "/disk\(index).raw", size: replayed.scratch.size)
      }
      try HostFiles.replace(folder + "/state.bin", with: try loadStateBytes(name))
    } catch {
      // What is there is partial and ours; the failure to show is the first.
      try? HostFiles.removeFlatFolder(folder)
      throw error
    }
  }

  private static func copy(_ image: any BlockImage, to path: String, size: Int) throws(Failure) {
    try withImageFailures { () throws(DiskImageError) in
      let target = try RawImage(creating: path, size: size)
      let chunk = 1 << 20
      var offset = 0
      while offset < size {
        let bytes = try image.read(at: offset, count: min(chunk, size - offset))
        if bytes.contains(where: { $0 != 0 }) { try target.write(at: offset, bytes) }
        offset += bytes.count
      }
    }
  }
}
