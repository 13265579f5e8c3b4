// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import DiskImage
import HostSystem
import RecordingStore

extension RecordedDrives {
  /// The drives of a run that goes on where a replay was left: new overlays over the same bases, with all that differs
  /// from these.
  init(leaving timeline: Timeline, in folder: RecordingFolder) throws(Failure) {
    let recording = timeline.recording
    let known = try recording.baseDigests()
    let witness = try Self.makeWitness(
      in: folder, isNeeded: recording.manifest.drives.contains { !$0.bases.isEmpty })
    var drives: [Drive] = []
    for (index, disk) in timeline.session.disks.enumerated() {
      var manifest = recording.manifest.drives[index]
      for number in manifest.bases.indices {
        manifest.bases[number].size = HostFiles.size(of: manifest.bases[number].path)
        manifest.bases[number].fingerprint = nil
        manifest.bases[number] = manifest.bases[number].beside(HostFiles.absolute(folder.target))
      }
      // What the replay has read must be the same for the new recording too.
      for (cluster, digest) in known.drives[index].sorted(by: { $0.key < $1.key }) {
        witness?.note(drive: index, cluster: cluster, digest: digest)
      }
      let compare = known.comparison(drive: index, of: recording)
      let note = Self.note(index, witness)
      let check: WitnessedImage.Witness = { (cluster, bytes) throws(DiskImageError) in
        try compare(cluster, bytes)
        if known.drives[index][cluster] == nil { try note(cluster, bytes) }
      }
      guard manifest.overlay != nil else {
        (disk.base as? WitnessedImage)?.witness = check
        drives.append(Drive(manifest: manifest, reading: disk))
        continue
      }
      let name = "disk\(index).qcow2"
      let path = folder.workPath + "/" + name
      let bases = manifest.bases
      let overlay = try withImageFailures({ () throws(DiskImageError) in
        let overlay = try Self.makeOverlay(
          at: path, size: disk.size, backing: bases.first.map { (name: $0.path, format: $0.format) },
          over: bases
        ) { WitnessedImage($0, witness: check) }
        let recorded = try (disk.base as? Qcow2Snapshot)?.changes ?? []
        // First what the recording has written, then what the replay has, each as it is now.
        for change in recorded + disk.changes {
          if change.isZero {
            try overlay.writeZeroes(at: change.offset, count: change.count)
          } else {
            try overlay.write(at: change.offset, disk.read(at: change.offset, count: change.count))
          }
        }
        return overlay
      })
      manifest.overlay = name
      manifest.recordsInto = false
      drives.append(Drive(manifest: manifest, overlay: overlay))
    }
    self.init(drives, witness: witness)
  }
}
