// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Emulator
import HostSystem

/// The snapshots of a recording.
///
/// A snapshot is in several files: memory and the machine's state in `vmstate.qcow2`, each drive in its overlay. It is
/// made in the drives first and in `vmstate.qcow2` last, and deleted there first: that file alone says which snapshots
/// there are, and whatever breaks off in between leaves at worst an orphan in a drive, which the next snapshot of that
/// name replaces.
public struct SnapshotStore: Sendable {
  public let recording: Recording

  public init(_ recording: Recording) { self.recording = recording }

  private var memoryPath: String { recording.memoryPath }

  // MARK: Looking

  /// All snapshots, by position.
  public func list() throws(Failure) -> [Snapshot] {
    let memory = try openMemory()
    var onDrives: [Set<String>] = []
    for (path, bases) in overlays {
      let image = try open(path, bases, readOnly: true)
      onDrives.append(Set(image.snapshots.map(\.name)))
    }
    // What only a reset needs is no place to go on from.
    let manifest = recording.manifest
    let places = memory.snapshots.filter {
      $0.name != manifest.bootSnapshot || $0.name == manifest.initialSnapshot
    }
    return places.map { info in
      Snapshot(
        info, isInitial: info.name == manifest.initialSnapshot,
        isComplete: onDrives.allSatisfy { $0.contains(info.name) })
    }.sorted { ($0.moment, $0.name) < ($1.moment, $1.name) }
  }

  /// Names of snapshots that are in a drive and nowhere else, left over from something that broke off.
  public func orphans() throws(Failure) -> [String] {
    let known = Set(try openMemory().snapshots.map(\.name))
    var orphans: Set<String> = []
    for drive in recording.manifest.drives where !drive.recordsInto {
      guard let overlay = drive.overlay else { continue }
      let image = try open(recording.file(overlay), drive.bases, readOnly: true)
      orphans.formUnion(image.snapshots.map(\.name).filter { !known.contains($0) })
    }
    return orphans.sorted()
  }

  public func find(_ name: String) throws(Failure) -> Snapshot {
    let all = try list()
    guard let snapshot = all.first(where: { $0.name == name }) else {
      throw Failure(
        .file, recording.path, "there is no snapshot '\(name)'",
        remedy: "it has \(all.map(\.name).joined(separator: ", "))")
    }
    return snapshot
  }

  // MARK: Loading

  /// A snapshot's memory, for reading, and the state of everything else but the drives.
  package func load(_ name: String) throws(Failure) -> (memory: Qcow2Snapshot, state: VMState) {
    let snapshot = try openSnapshot(name)
    let bytes = try Self.stateBytes(of: snapshot)
    return (snapshot, try VMState(decoding: bytes, file: memoryPath, snapshot: name))
  }

  /// Memory as it is when the machine starts, in the boot plan's regions.
  package func loadBootMemory() throws(Failure) -> Qcow2Snapshot {
    try openSnapshot(recording.manifest.bootSnapshot)
  }

  /// The vm-state area of a snapshot as it is.
  package func loadStateBytes(_ name: String) throws(Failure) -> [UInt8] {
    try Self.stateBytes(of: openSnapshot(name))
  }

  private func openSnapshot(_ name: String) throws(Failure) -> Qcow2Snapshot {
    let memory = try openMemory()
    if name == recording.manifest.initialSnapshot, !memory.snapshots.contains(where: { $0.name == name }) {
      throw Failure(
        .damaged, recording.path,
        "has no start: its recorder was killed or failed before the first snapshot was written",
        remedy: "record again")
    }
    let snapshot = try withImageFailures { () throws(DiskImageError) in try memory.openSnapshot(name) }
    let size = recording.manifest.configuration.memoryImageSize
    guard UInt64(snapshot.size) == size else {
      throw Failure(
        .damaged, memoryPath,
        "holds a memory of \(snapshot.size) bytes, and the machine has \(size)",
        remedy: "put the recording's own file back")
    }
    return snapshot
  }

  private static func stateBytes(of snapshot: Qcow2Snapshot) throws(Failure) -> [UInt8] {
    try withImageFailures { () throws(DiskImageError) in try snapshot.vmState(maximumSize: VMState.sizeLimit)
    }
  }

  /// Whether pages of memory were surely not written between two snapshots, not even with what they held.
  ///
  /// A snapshot that is made of another one writes the clusters that changed since, and shares the others.
  package func knowsUnwritten(
    pages: some Sequence<Int>, between first: String, and second: String
  ) throws(Failure) -> Bool {
    let image = try openMemory()
    return try withImageFailures { () throws(DiskImageError) in
      let (first, second) = (try image.openSnapshot(first), try image.openSnapshot(second))
      for page in pages {
        guard
          try first.shares(with: second, at: page * GuestMemory.pageSize, count: GuestMemory.pageSize)
        else { return false }
      }
      return true
    }
  }

  // MARK: Making and deleting

  /// What a new snapshot holds.
  package struct Contents {
    package var state: VMState
    package var memory: GuestMemory
    /// The snapshot that the machine was loaded from, and the pages that have changed since; nil for every page that
    /// `pages` names being all there is.
    package var parent: String?
    /// Ascending.
    package var pages: [Int]
    /// What was written to each drive since `parent`; nil for a drive that is only read.
    package var drives: [ScratchOverlay?]

    package init(
      state: VMState, memory: GuestMemory, parent: String?, pages: [Int], drives: [ScratchOverlay?]
    ) {
      self.state = state
      self.memory = memory
      self.parent = parent
      self.pages = pages
      self.drives = drives
    }
  }

  /// Checks that a snapshot may have this name, and none has it: whoever goes somewhere to make one asks before.
  public func checkIsNew(_ name: String) throws(Failure) {
    try checkMayChange()
    try RecordingManifest.checkNewSnapshotName(name, option: name)
    guard try !openMemory().snapshots.contains(where: { $0.name == name }) else {
      throw Failure(
        .exists, recording.path, "has a snapshot '\(name)' already",
        remedy: "choose another name, or delete it with 'rrtool snapshot delete \(name)'")
    }
  }

  private func checkMayChange() throws(Failure) {
    if let packed = recording.packedPath { throw Recording.packedFailure(packed) }
  }

  /// Makes a snapshot; if anything fails, there is none.
  package func create(_ name: String, _ contents: Contents) throws(Failure) {
    try checkIsNew(name)
    let memory = try openForWriting(Recording.memoryName, [])
    let metadata = SnapshotMetadata(at: contents.state.moment)
    var made: [Qcow2Image] = []
    do throws(Failure) {
      for (drive, scratch) in zip(recording.manifest.drives, contents.drives) {
        guard let overlay = drive.overlay, let scratch else { continue }
        let image = try openForWriting(overlay, drive.bases)
        try withImageFailures({ () throws(DiskImageError) in
          // No one else knows an orphan; a snapshot in an image of the user's own is the user's.
          if !drive.recordsInto, image.snapshots.contains(where: { $0.name == name }) {
            try image.deleteSnapshot(name)
          }
          _ = try image.createSnapshot(name, from: contents.source, metadata: metadata) {
            (writer) throws(DiskImageError) in try Self.write(scratch, to: writer)
          }
        })
        made.append(image)
      }
      try withImageFailures({ () throws(DiskImageError) in
        _ = try memory.createSnapshot(
          name, from: contents.source, metadata: metadata, vmState: contents.state.encoded()
        ) { (writer) throws(DiskImageError) in
          try Self.write(pages: contents.pages, of: contents.memory, to: writer)
        }
      })
    } catch {
      // What cannot be removed now stays as an orphan; the failure to show is the first.
      for image in made { try? image.deleteSnapshot(name) }
      throw error
    }
  }

  public func delete(_ name: String) throws(Failure) {
    try checkMayChange()
    guard name != recording.manifest.initialSnapshot else {
      throw Failure(
        .usage, name, "is the start of the recording, without which nothing can be replayed",
        remedy: "remove the whole recording with 'rrtool rm'")
    }
    _ = try find(name)
    let memory = try openForWriting(Recording.memoryName, [])
    // Opened before anything is deleted: one that cannot be written must not be found out halfway.
    var images: [Qcow2Image] = []
    for drive in recording.manifest.drives {
      if let overlay = drive.overlay { images.append(try openForWriting(overlay, drive.bases)) }
    }
    try withImageFailures({ () throws(DiskImageError) in
      try memory.deleteSnapshot(name)
      for image in images where image.snapshots.contains(where: { $0.name == name }) {
        try image.deleteSnapshot(name)
      }
    })
  }

  // MARK: Files

  /// The overlays that have snapshots.
  private var overlays: [(path: String, bases: [RecordingManifest.Drive.Base])] {
    recording.manifest.drives.compactMap { drive in
      drive.overlay.map { (recording.file($0), drive.bases) }
    }
  }

  private func openMemory() throws(Failure) -> Qcow2Image { try open(memoryPath, [], readOnly: true) }

  /// Opens an image of the recording to be written. A manifest may come from a stranger and name any image of the user's, and so
  /// may a link: what stands elsewhere is written only when it has the recording's start, made when the recording was.
  private func openForWriting(
    _ name: String, _ bases: [RecordingManifest.Drive.Base]
  ) throws(Failure) -> Qcow2Image {
    let path = recording.file(name)
    if !name.hasPrefix("/") {
      guard HostFiles.linkTarget(path) == nil else {
        throw Failure(
          .file, path, "is a link, and what it leads to is no part of the recording",
          remedy: "put the file itself there, or copy the recording")
      }
    } else {
      let start = recording.manifest.initialSnapshot
      let here = try openMemory().snapshots.first { $0.name == start }?.metadata
      let there = try open(path, bases, readOnly: true).snapshots.first { $0.name == start }?.metadata
      guard let here, let there, here.isOfOneRecording(with: there) else {
        throw Failure(
          .file, path, "is named by \(recording.path), and does not have its start",
          remedy: "put the recording's own image there; this one is not written to")
      }
    }
    return try open(path, bases, readOnly: false)
  }

  private func open(
    _ path: String, _ bases: [RecordingManifest.Drive.Base], readOnly: Bool
  ) throws(Failure) -> Qcow2Image {
    try withImageFailures({ () throws(DiskImageError) in
      try BaseImages.opener(for: bases).openQcow2(path, readOnly: readOnly)
    })
  }

  // MARK: Writing

  private static func write(_ scratch: ScratchOverlay, to writer: SnapshotWriter) throws(DiskImageError) {
    for change in scratch.changes {
      if change.isZero {
        try writer.writeZeroes(at: change.offset, count: change.count)
      } else {
        try writer.write(
          at: change.offset, scratch.read(at: change.offset, count: change.count), compressed: false)
      }
    }
  }

  /// Pages that are written together: a cluster of the memory image, or a page when clusters are smaller.
  package static func pagesPerCluster(_ clusterSize: Int) -> Int {
    max(1, clusterSize / GuestMemory.pageSize)
  }

  /// Writes whole clusters of memory, each once, however many of its pages are named.
  package static func write(pages: [Int], of memory: GuestMemory, to writer: SnapshotWriter)
    throws(DiskImageError)
  {
    let pagesPerCluster = pagesPerCluster(writer.clusterSize)
    var last = -1
    for page in pages {
      let cluster = page / pagesPerCluster
      guard cluster != last else { continue }
      last = cluster
      let offset = cluster * pagesPerCluster * GuestMemory.pageSize
      let count = min(pagesPerCluster * GuestMemory.pageSize, writer.size - offset)
      try writer.write(
        at: offset, from: UnsafeRawBufferPointer(start: memory.bytes + offset, count: count), compressed: true
      )
    }
  }
}

extension SnapshotMetadata {
  /// Both were made for one snapshot: at the same place of the run, and at the same time.
  fileprivate func isOfOneRecording(with other: SnapshotMetadata) -> Bool {
    let (early, late) = (min(seconds, other.seconds), max(seconds, other.seconds))
    return vmClock == other.vmClock && instructionCount == other.instructionCount && late - early < 600
  }
}

extension SnapshotStore.Contents {
  fileprivate var source: SnapshotSource { parent.map { .snapshot($0) } ?? .empty }
}
