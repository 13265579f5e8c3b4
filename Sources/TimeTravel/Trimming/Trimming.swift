// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import DiskImage
import Emulator
import Glibc
import HostSystem
import RecordingStore
import ReplayLog

/// Makes the files of a recording that is a part of another one.
///
/// First, with the replay at the first place, everything but the log's end: images, snapshots. Then the replay goes to the last place.
final class Trimming {
  private let timeline: Timeline
  private let recording: Recording
  private let folder: RecordingFolder
  private let end: UInt64
  private let start: VMState
  private let startMetadata: SnapshotMetadata
  /// The snapshots between, by position.
  private(set) var kept: [Snapshot]
  /// Whether all of the recording's end is in it.
  private let hasWholeEnd: Bool
  private var drives: [RecordingManifest.Drive]
  private var baseClusterCount: Int?

  private var name: String { recording.manifest.initialSnapshot }

  /// `timeline` stands where the part starts.
  init(leaving timeline: Timeline, in folder: RecordingFolder, until end: UInt64) throws(Failure) {
    self.timeline = timeline
    self.folder = folder
    self.end = end
    recording = timeline.recording
    drives = recording.manifest.drives
    hasWholeEnd = timeline.log.isComplete && end == timeline.end.position
    let gate = timeline.session.gate
    let here = timeline.now
    start = VMState(
      moment: here, machine: timeline.machine.saveState(), digests: timeline.machine.digests(),
      nextEvent: gate.next?.number ?? timeline.log.eventCount, matchedOutput: gate.matchedOutput,
      pending: gate.pendingResults)
    let created = recording.manifest.created
    startMetadata = SnapshotMetadata(
      seconds: UInt32(truncatingIfNeeded: created / 1_000_000_000),
      nanoseconds: UInt32(created % 1_000_000_000),
      vmClock: here.time, instructionCount: here.position)
    let (isWhole, initial) = (hasWholeEnd, recording.manifest.initialSnapshot)
    kept = try SnapshotStore(recording).list().filter { snapshot in
      let position = snapshot.moment.position
      return snapshot.isComplete && snapshot.name != initial && position >= here.position
        && (position <= end || isWhole)
    }
  }

  private func file(_ name: String) -> String { folder.workPath + "/" + name }

  // MARK: States

  /// The images, with the start and the snapshots between.
  func copyStates(_ check: () throws(Failure) -> Void) throws(Failure) {
    try copyDrives(check)
    try copyMemory(check)
    for name in recording.manifest.symbols ?? [] {
      _ = try HostFiles.copy(recording.file(name), to: file(name)) { (_) throws(Failure) in try check() }
    }
  }

  private func copyMemory(_ check: () throws(Failure) -> Void) throws(Failure) {
    let memory = timeline.machine.memory
    let path = file(Recording.memoryName)
    let size = Int(memory.totalSize)
    let needsBoot = hasBootSnapshot
    let regions = needsBoot ? try ReplaySession.bootRegions(of: recording) : []
    let old = try withImageFailures { () throws(DiskImageError) in
      try ImageOpener().openQcow2(recording.memoryPath)
    }
    let image = try withImageFailures { () throws(DiskImageError) in
      try Qcow2Image.create(at: path, size: size, clusterSize: Recording.memoryClusterSize)
      return try ImageOpener().openQcow2(path, readOnly: false)
    }
    try withImageFailures { () throws(DiskImageError) in
      if needsBoot {
        try image.createSnapshot(
          RecordingManifest.branchBootSnapshot, from: .empty, metadata: startMetadata
        ) { (writer) throws(DiskImageError) in
          for region in regions {
            try writer.write(
              at: Int(region.address - MemoryMap.memoryBase), region.bytes, compressed: true)
          }
        }
      }
      let pages = (0..<memory.pageCount).filter { page in
        let bytes = memory.bytes + page * GuestMemory.pageSize
        return !GuestMemory.isZero(UnsafeRawBufferPointer(start: bytes, count: GuestMemory.pageSize))
      }
      try image.createSnapshot(name, from: .empty, metadata: startMetadata, vmState: start.encoded()) {
        (writer) throws(DiskImageError) in try SnapshotStore.write(pages: pages, of: memory, to: writer)
      }
    }
    var parent = name
    var before: Qcow2Snapshot?
    for snapshot in kept {
      try check()
      try withImageFailures { () throws(DiskImageError) in
        let now = try old.openSnapshot(snapshot.name)
        guard now.size == size else {
          throw DiskImageError(
            .refused, path: recording.memoryPath, problem: "snapshot \(snapshot.name) has another size",
            advice: "delete it with 'rrtool snapshot delete \(snapshot.name)'")
        }
        try image.createSnapshot(
          snapshot.name, from: .snapshot(parent), metadata: now.info.metadata,
          vmState: now.vmState(maximumSize: VMState.sizeLimit)
        ) { (writer) throws(DiskImageError) in
          if let before {
            try ImageDifference(from: before, to: now, clusterSize: writer.clusterSize).visit {
              (offset, bytes) throws(DiskImageError) in try writer.write(at: offset, bytes, compressed: true)
            }
          } else {
            for offset in stride(from: 0, to: size, by: writer.clusterSize) {
              let bytes = try now.read(at: offset, count: min(writer.clusterSize, size - offset))
              let isEqual = bytes.withUnsafeBytes { buffer in
                buffer.baseAddress.map { memcmp($0, memory.bytes + offset, buffer.count) == 0 } ?? true
              }
              if !isEqual { try writer.write(at: offset, bytes, compressed: true) }
            }
          }
        }
        before = now
      }
      parent = snapshot.name
    }
  }

  /// Whether memory at the start is not that of a machine that is switched on.
  private var hasBootSnapshot: Bool {
    recording.manifest.boot.snapshot != nil || start.moment != Moment(position: 0, time: 0)
  }

  // MARK: Drives

  private func copyDrives(_ check: () throws(Failure) -> Void) throws(Failure) {
    let hasBases = drives.contains { !$0.bases.isEmpty }
    let witness = hasBases ? try BaseWitness(creating: file(BaseDigests.fileName)) : nil
    let digests = try recording.baseDigests()
    let asked = try clustersAskedFor()
    for index in drives.indices {
      try check()
      let disk = timeline.session.disks[index]
      var written: Set<Int> = []
      if drives[index].overlay != nil {
        written = try withImageFailures { () throws(DiskImageError) in
          let recorded = try (disk.base as? Qcow2Snapshot)?.changes ?? []
          return ImageDifference.clusters(of: recorded + disk.changes)
        }
      }
      if !drives[index].bases.isEmpty {
        // What the start has written nobody reads below it.
        try copyBase(index, asked[index].subtracting(written), digests, witness)
      }
      if drives[index].overlay != nil { try copyOverlay(index, disk, written) }
    }
    if let failure = witness?.failure { throw failure }
    baseClusterCount = witness?.count
  }

  /// For each drive, the clusters that the guest asks for from here on to the end, in whatever way: what a replay may read.
  private func clustersAskedFor() throws(Failure) -> [Set<Int>] {
    var clusters = [Set<Int>](repeating: [], count: drives.count)
    let size = UInt64(WitnessedImage.clusterSize / 512)
    try withLogFailures { () throws(ReplayLogError) in
      let cursor = timeline.log.makeCursor()
      try cursor.seek(toEvent: start.nextEvent)
      while let event = try cursor.next(), event.position <= end {
        guard case .blockRequest(let request) = event.payload, request.drive < drives.count else { continue }
        let limit = drives[request.drive].sectorCount
        guard request.sectorCount > 0, request.sector < limit else { continue }
        let last = min(
          limit - 1, request.sector.addingReportingOverflow(request.sectorCount - 1).partialValue)
        guard last >= request.sector else { continue }
        clusters[request.drive].formUnion(Int(request.sector / size)...Int(last / size))
      }
    }
    return clusters
  }

  /// The images under a drive, as one that has these clusters and nothing else.
  private func copyBase(
    _ index: Int, _ clusters: Set<Int>, _ digests: BaseDigests, _ witness: BaseWitness?
  ) throws(Failure) {
    let drive = drives[index]
    let compare = digests.comparison(drive: index, of: recording)
    let image = WitnessedImage(try BaseImages.open(drive.bases)) { (cluster, bytes) throws(DiskImageError) in
      try compare(cluster, bytes)
      witness?.note(drive: index, cluster: cluster, digest: Digest.of(bytes))
    }
    // Of one that has no more than what the run has read, all that is asked for here and is not in it was never read.
    let known = drive.bases[0].partial == true ? Set(digests.drives[index].keys) : clusters
    let packed = try PackedBase.write(
      clusters.intersection(known).sorted(), of: image, drive: index,
      to: file(PackedBase.name(drive: index)), isPartial: true)
    drives[index].bases = [packed.base]
  }

  /// What was written to a drive: the start, which holds whole clusters so that nothing below shines through, and the snapshots.
  private func copyOverlay(_ index: Int, _ disk: ScratchOverlay, _ written: Set<Int>) throws(Failure) {
    let drive = recording.manifest.drives[index]
    let name = "disk\(index).qcow2"
    let path = file(name)
    let size = disk.size
    let clusterSize = WitnessedImage.clusterSize
    let backing =
      drives[index].bases.isEmpty ? nil : (name: PackedBase.name(drive: index), format: ImageFormat.qcow2)
    guard let overlay = drive.overlay else { return }
    let old = try openOld(overlay, index)
    try withImageFailures { () throws(DiskImageError) in
      try Qcow2Image.create(at: path, size: size, clusterSize: clusterSize, backing: backing)
      let image = try ImageOpener().openQcow2(path, readOnly: false)
      func put(_ bytes: [UInt8], at offset: Int, _ writer: SnapshotWriter) throws(DiskImageError) {
        if bytes.contains(where: { $0 != 0 }) {
          try writer.write(at: offset, bytes, compressed: false)
        } else {
          try writer.writeZeroes(at: offset, count: bytes.count)
        }
      }
      try image.createSnapshot(self.name, from: .empty, metadata: startMetadata) {
        (writer) throws(DiskImageError) in
        for cluster in written.sorted() {
          let offset = cluster * clusterSize
          try put(try disk.read(at: offset, count: min(clusterSize, size - offset)), at: offset, writer)
        }
      }
      var parent = self.name
      var before: (any BlockImage, clusters: Set<Int>) = (disk, written)
      var beforeSnapshot: Qcow2Snapshot?
      for snapshot in kept {
        let now = try old.openSnapshot(snapshot.name)
        let clusters = ImageDifference.clusters(of: try now.changes)
        try image.createSnapshot(snapshot.name, from: .snapshot(parent), metadata: now.info.metadata) {
          (writer) throws(DiskImageError) in
          for cluster in clusters.union(before.clusters).sorted() {
            let offset = cluster * clusterSize
            let count = min(clusterSize, size - offset)
            if let beforeSnapshot, try beforeSnapshot.shares(with: now, at: offset, count: count) { continue }
            let bytes = try now.read(at: offset, count: count)
            // What is written for the first time is in the image, whatever lies below it.
            let isKnown = before.clusters.contains(cluster)
            if isKnown, try before.0.read(at: offset, count: count) == bytes { continue }
            try put(bytes, at: offset, writer)
          }
        }
        before = (now, clusters.union(before.clusters))
        beforeSnapshot = now
        parent = snapshot.name
      }
      try image.flush()
    }
    drives[index].overlay = name
    drives[index].recordsInto = false
  }

  /// The drive's overlay in the whole recording, over its bases as they are compared there.
  private func openOld(_ overlay: String, _ index: Int) throws(Failure) -> Qcow2Image {
    let digests = try recording.baseDigests()
    let recording = recording
    return try withImageFailures { () throws(DiskImageError) in
      var opener = BaseImages.opener(for: recording.manifest.drives[index].bases)
      opener.baseWrapper = {
        WitnessedImage($0, witness: digests.comparison(drive: index, of: recording))
      }
      return try opener.openQcow2(recording.file(overlay))
    }
  }

  // MARK: The log, and what is in the manifest

  /// Has the replay go to the last place, writes the log, and answers the manifest.
  ///
  /// - Parameter last: a snapshot that is that place, with all that has come at its position before it.
  func finish(at last: VMState?, _ goToEnd: () throws -> Void) throws -> RecordingManifest {
    var manifest = recording.manifest
    if hasWholeEnd {
      try copyLog(until: timeline.log.eventCount, last: nil)
    } else {
      try goToEnd()
      let gate = timeline.session.gate
      // A recorder may be killed when its guest is off already.
      let end = timeline.machine.powerOffStatus.map { LogEnd.poweredOff(status: $0) } ?? .limit
      let (number, outputCount) =
        last.map { ($0.nextEvent, $0.matchedOutput) }
        ?? (gate.next?.number ?? timeline.log.eventCount, gate.matchedOutput)
      let moment = last?.moment ?? timeline.now
      try giveUpSnapshots(behind: moment, (number, outputCount))
      try copyLog(
        until: number,
        last: Last(
          moment: LogMoment(moment), outputCount: outputCount,
          digests: last?.digests ?? timeline.machine.digests(), end: end))
      manifest.state = .complete
      manifest.ending = RecordingManifest.Ending(end, at: moment)
    }
    manifest.version = RecordingManifest.formatVersion
    manifest.machine.revision = manifest.configuration.revision.rawValue
    manifest.boot.snapshot = hasBootSnapshot ? RecordingManifest.branchBootSnapshot : nil
    manifest.drives = drives
    manifest.log = Recording.logName
    manifest.baseClusterCount = baseClusterCount
    return manifest
  }

  /// At the last position something may still have arrived, and a snapshot been made after that: it is of what comes behind the part.
  private func giveUpSnapshots(
    behind moment: Moment, _ place: (event: UInt64, output: Int)
  ) throws(Failure) {
    for snapshot in kept where snapshot.moment.position >= moment.position {
      let state = try SnapshotStore(recording).load(snapshot.name).state
      guard state.moment > moment || (state.nextEvent, state.matchedOutput) > place else { continue }
      kept.removeAll { $0.name == snapshot.name }
      for path in [Recording.memoryName] + drives.compactMap(\.overlay) {
        try withImageFailures { () throws(DiskImageError) in
          try ImageOpener().openQcow2(file(path), readOnly: false).deleteSnapshot(snapshot.name)
        }
      }
    }
  }

  /// Where it ends when the recording goes on.
  private struct Last {
    var moment: LogMoment
    /// Bytes of the first event behind it, console output, that come before it.
    var outputCount: Int
    var digests: [UInt64]
    var end: LogEnd
  }

  private func copyLog(until number: UInt64, last: Last?) throws(Failure) {
    let log = timeline.log
    let path = file(Recording.logName)
    try withLogFailures { () throws(ReplayLogError) in
      let cursor = log.makeCursor()
      try cursor.seek(toEvent: start.nextEvent)
      // Snapshots say where in the log they stand, and they may come from strangers.
      func disorder() -> ReplayLogError {
        ReplayLogError(file: log.path, problem: .damaged("it does not agree with the snapshots"))
      }
      guard cursor.nextNumber <= number else { throw disorder() }
      var header = log.header
      // As of any log whose first events are not there: the moment of the first that is.
      if cursor.nextNumber > 0 {
        let isEmpty = cursor.nextNumber == number && last?.outputCount == 0
        header.start = isEmpty ? last?.moment ?? log.last : try cursor.peek()?.moment ?? log.last
      }
      let writer = try ReplayLogWriter(creating: path, header: header, firstEvent: cursor.nextNumber)
      var digested: LogMoment?
      while cursor.nextNumber < number, let event = try cursor.next() {
        guard event.payload.kind != nil else {
          throw ReplayLogError(file: log.path, problem: .damaged("it has events of a kind that is not known"))
        }
        if case .digest = event.payload { digested = event.moment }
        try writer.append(event.payload, at: event.moment)
      }
      if let last {
        guard header.allows(last.moment, after: writer.last) else { throw disorder() }
        if last.outputCount > 0, let event = try cursor.peek(), case .consoleOutput(let bytes) = event.payload
        {
          try writer.append(.consoleOutput(Array(bytes.prefix(last.outputCount))), at: event.moment)
        }
        if digested != last.moment { try writer.append(.digest(last.digests), at: last.moment) }
        try writer.append(.end(last.end), at: last.moment)
      }
      try writer.close()
    }
  }
}
