// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import DiskImage
import HostSystem

/// What a run has read of the images under its drives: for each cluster that it read, the digest of its bytes.
///
/// A cluster is one of `WitnessedImage.clusterSize` bytes of the disk that a drive's bases make together.
/// docs/formats/recording.md has the file's format.
package struct BaseDigests {
  package static let fileName = Recording.baseDigestsName
  static let magic = Array("RRBASES\0".utf8)
  static let version: UInt32 = 1
  static let headerSize = 16
  static let entrySize = 24
  /// As many as an image of 1 PiB has.
  private static let sizeLimit: UInt64 = 24 << 34

  /// For each drive, the digests by cluster.
  package private(set) var drives: [[Int: UInt64]]

  var count: Int { drives.reduce(0) { $0 + $1.count } }

  /// Of a recording that has none: nothing is known.
  init(driveCount: Int) { drives = Array(repeating: [:], count: driveCount) }

  /// Reads the file of a recording. What a killed recorder left half written at its end does not count.
  init(reading path: String, driveCount: Int) throws(Failure) {
    self.init(driveCount: driveCount)
    let bytes = try HostFiles.read(path, limit: Self.sizeLimit)
    func damaged(_ problem: String) -> Failure {
      Failure(.damaged, path, problem, remedy: "restore it from a copy")
    }
    do throws(ByteCodingError) {
      var reader = ByteReader(bytes)
      guard try reader.raw(8).elementsEqual(Self.magic), try reader.uint32() == Self.version,
        try reader.uint32() == UInt32(WitnessedImage.clusterSize)
      else { throw .malformed(offset: 0, what: Self.fileName) }
      while reader.remaining >= Self.entrySize {
        let entry = try reader.raw(Self.entrySize)
        var fields = ByteReader(entry)
        let (cluster, digest) = (try fields.uint64(), try fields.uint64())
        let (drive, check) = (try fields.uint32(), try fields.uint32())
        guard check == Self.check(Array(entry.dropLast(4))), Int(drive) < driveCount, cluster < 1 << 47 else {
          throw .malformed(offset: 0, what: Self.fileName)
        }
        drives[Int(drive)][Int(cluster)] = digest
      }
    } catch {
      throw damaged("is damaged: it does not say what was read of the base images")
    }
  }

  static func check(_ bytes: [UInt8]) -> UInt32 { UInt32(truncatingIfNeeded: Digest.of(bytes)) }

  static func encoded(drive: Int, cluster: Int, digest: UInt64) -> [UInt8] {
    var writer = ByteWriter(reserving: entrySize)
    writer.uint64(UInt64(cluster))
    writer.uint64(digest)
    writer.uint32(UInt32(drive))
    writer.uint32(check(writer.bytes))
    return writer.bytes
  }

  /// Refuses bytes of a drive's bases that are not those that the run read there.
  package func comparison(drive: Int, of recording: Recording) -> WitnessedImage.Witness {
    let known = drives[drive]
    let base = recording.manifest.drives[drive].bases.first
    let image = base?.path ?? ""
    let isPartial = base?.partial ?? false
    let isOwn = base.map(recording.isOwn) ?? false
    return { (cluster, bytes) throws(DiskImageError) in
      guard let digest = known[cluster] else {
        guard isPartial else { return }
        throw DiskImageError(
          .refused, path: image,
          problem:
            "was packed without what is at offset \(UInt64(cluster * WitnessedImage.clusterSize).grouped), "
            + "which the run never read",
          advice: "use the recording that it was packed of")
      }
      guard digest != Digest.of(bytes) else { return }
      guard !isOwn else {
        throw DiskImageError(
          .damaged, path: image,
          problem:
            "is damaged: at offset \(UInt64(cluster * WitnessedImage.clusterSize).grouped) of drive \(drive) it has other "
            + "bytes than the run read there",
          advice: "use another copy of the recording")
      }
      throw DiskImageError(
        .changed, path: image,
        problem: "has changed since \(recording.path) was made: the bytes differ that it read at offset "
          + UInt64(cluster * WitnessedImage.clusterSize).grouped,
        advice: "put the image back as it was; nothing can be replayed over another one")
    }
  }
}
