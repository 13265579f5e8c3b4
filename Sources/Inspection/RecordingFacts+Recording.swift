// SPDX-License-Identifier: Apache-2.0

import HostSystem
import RecordingStore
import ReplayLog

extension RecordingFacts {
  /// The facts of a recording: its manifest, its snapshots, and the sizes of its files, those outside its folder too.
  public init(_ recording: Recording) throws(Failure) {
    let manifest = recording.manifest
    // A recording whose recorder was killed early may not have got as far as its memory image.
    let snapshots =
      HostFiles.kind(of: recording.memoryPath) == nil ? [] : try SnapshotStore(recording).list()
    let outside = ([manifest.log] + manifest.drives.compactMap(\.overlay)).filter { $0.hasPrefix("/") }
    let inside = try HostFiles.names(in: recording.path).sorted()
    let files = inside.map { ($0, recording.path + "/" + $0) } + outside.map { ($0, $0) }
    self.init(
      path: recording.name, state: manifest.state, tool: manifest.tool, created: manifest.created,
      memorySize: manifest.machine.memorySize, hartCount: manifest.machine.hartCount,
      commandLine: manifest.boot.commandLine,
      images: manifest.boot.images.map { image in
        Image(role: image.role, path: image.path, byteCount: image.size, digest: image.digest)
      },
      drives: manifest.drives.map { drive in
        // Opening has checked that the product fits.
        Drive(
          byteCount: drive.sectorCount * 512, isReadOnly: drive.readOnly, base: drive.bases.first?.path,
          overlay: drive.overlay)
      },
      snapshots: snapshots.map { snapshot in
        Snapshot(name: snapshot.name, position: snapshot.moment.position, time: snapshot.moment.time)
      },
      files: files.compactMap { name, path in
        HostFiles.kind(of: path) == .regular
          ? HostFiles.size(of: path).map { File(name: name, byteCount: $0) } : nil
      })
    endNote = manifest.ending?.note
    isBeingMade = manifest.state == .recording && Recording.isBeingMade(at: recording.path)
  }
}

extension RecordingSummary {
  /// - Throws: `Failure` when the recording, or `ReplayLogError` when its log, cannot be read.
  public init(of recording: Recording) throws {
    try self.init(facts: RecordingFacts(recording), log: recording.openLog())
  }
}
