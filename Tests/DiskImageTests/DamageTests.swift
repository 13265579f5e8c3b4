// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Foundation
import TestSupport
import Testing

/// Damaged files are refused with an error or read as they are; nothing may trap, hang or fill the memory.
@Suite struct DamageTests {
  /// A small image with everything in it: compressed clusters, zero clusters, shared ones, snapshots with vm state.
  static func sample(in folder: TemporaryFolder, name: String = "sample.qcow2") throws -> String {
    let path = folder.file(name)
    var random = SeededGenerator(seed: 77)
    try Qcow2Image.create(at: path, size: 100_352, clusterSize: 512, refcountBits: 16)
    let image = try ImageOpener().openQcow2(path, readOnly: false)
    try image.write(at: 0, random.bytes(20_000).map { $0 | 1 })
    try [UInt8](repeating: 3, count: 20_000).withUnsafeBytes {
      try image.writeCompressed(at: 40_000, from: $0, .small)
    }
    try image.createSnapshot("one", from: .active, vmState: random.bytes(9000))
    try image.write(at: 1000, random.bytes(9000))
    try image.writeZeroes(at: 41_000, count: 5000)
    try image.createSnapshot("two", from: .snapshot("one"), vmState: [1, 2, 3]) {
      (writer) throws(DiskImageError) in
      try writer.write(at: 90_000, [UInt8](repeating: 5, count: 5000), compressed: true)
    }
    try image.flush()
    return path
  }

  /// Reads and writes all over an image; every error is fine.
  private func exercise(_ path: String, _ random: inout SeededGenerator) throws {
    do throws(DiskImageError) {
      let image = try ImageOpener().open(path)
      for _ in 0..<6 where image.size > 0 {
        let offset = random.below(image.size)
        _ = try? image.read(at: offset, count: min(image.size - offset, 20_000))
      }
      if let image = image as? Qcow2Image {
        for info in image.snapshots {
          let snapshot = try image.openSnapshot(info.name)
          _ = try? snapshot.read(at: 0, count: min(snapshot.size, 100_000))
          _ = try? snapshot.vmState(maximumSize: 1 << 20)
        }
        _ = try image.check()
      }
    } catch {
      #expect(!error.description.contains("\n"))
    }
    do throws(DiskImageError) {
      let image = try ImageOpener().openQcow2(path, readOnly: false)
      for _ in 0..<6 where image.size > 0 {
        let offset = random.below(image.size)
        let count = min(image.size - offset, 1 + random.below(3000))
        try? image.write(at: offset, random.bytes(count))
        try? image.writeZeroes(at: offset, count: count)
      }
      _ = try? image.createSnapshot("three", from: .active, vmState: [1]) { (writer) throws(DiskImageError) in
        try writer.write(at: 0, [1, 2], compressed: true)
      }
      _ = try? image.createSnapshot("four", from: .snapshot("one"))
      try? image.deleteSnapshot("one")
      try image.flush()
      _ = try image.check()
    } catch {
      #expect(!error.description.contains("\n"))
    }
  }

  @Test(arguments: [UInt64(101), 102, 103]) func flippedBytesNeverTrap(seed: UInt64) throws {
    let folder = TemporaryFolder()
    let good = try contents(Self.sample(in: folder))
    var random = SeededGenerator(seed: seed)
    var refused = 0
    for round in 0..<700 {
      var bytes = good
      for _ in 0..<1 + random.below(3) {
        let place = round % 3 == 0 ? random.below(128) : random.below(bytes.count)
        bytes[place] =
          switch random.below(4) {
          case 0: 0
          case 1: 0xff
          case 2: bytes[place] ^ UInt8(1 << random.below(8))
          default: UInt8(truncatingIfNeeded: random.next())
          }
      }
      let path = folder.write("mutant.qcow2", bytes)
      if (try? ImageOpener().openQcow2(path)) == nil { refused += 1 }
      try exercise(path, &random)
    }
    #expect(refused > 30, "seed \(seed)")
  }

  @Test func shortFilesNeverTrap() throws {
    let folder = TemporaryFolder()
    let good = try contents(Self.sample(in: folder))
    var random = SeededGenerator(seed: 9)
    for count in Array(0..<130) + stride(from: 130, to: good.count, by: 611) {
      let path = folder.write("short.qcow2", Array(good.prefix(count)))
      if count < 1024 {
        #expect(diskError { _ = try ImageOpener().openQcow2(path) }?.kind == .damaged, "\(count) bytes")
      }
      try exercise(path, &random)
    }
  }

  /// Each of these was chosen so that only the named check can refuse it.
  @Test func eachTableIsChecked() throws {
    let folder = TemporaryFolder()
    let path = try Self.sample(in: folder)
    let good = try contents(path)
    func big(_ value: UInt64, _ size: Int) -> [UInt8] {
      (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * (size - 1 - $0))) }
    }
    let cases: [(place: Int, bytes: [UInt8], word: String)] = [
      (24, big(1 << 63, 8), "a disk of"), (24, big(1 << 40, 8), "L1 table of"),
      (36, big(0, 4), "L1 table of"), (36, big(0xffff_ffff, 4), "L1 table of"),
      (36, big(1 << 20, 4), "past the end"),
      (40, big(1, 8), "start of a cluster"), (40, big(1 << 40, 8), "past the end"),
      (40, big(UInt64.max << 9, 8), "past the end"), (40, big(0, 8), "start of a cluster"),
      (48, big(513, 8), "start of a cluster"), (48, big(1 << 62, 8), "past the end"),
      (56, big(0, 4), "reference count table"), (56, big(1 << 31, 4), "reference count table"),
      (60, big(1 << 24, 4), "snapshots"), (60, big(60_000, 4), "snapshot"),
      (64, big(1 << 50, 8), "past the end"), (64, big(3, 8), "start of a cluster"),
      (8, big(1 << 30, 8) + big(10, 4), "backing file"), (8, big(200, 8) + big(5000, 4), "backing file"),
      (100, big(96, 4), "a header of"), (100, big(1 << 20, 4), "a header of"),
      (112, big(1, 4) + big(UInt64(UInt32.max), 4), "extension"),
    ]
    for (place, bytes, word) in cases {
      var damaged = good
      damaged.replaceSubrange(place..<place + bytes.count, with: bytes)
      let file = folder.write("damaged.qcow2", damaged)
      let error = diskError { _ = try ImageOpener().openQcow2(file) }
      #expect(
        error?.kind == .damaged && error?.problem.contains(word) == true,
        "\(place): \(error?.description ?? "")")
    }
  }

  @Test func wrongCountsAreFoundAndNotWrittenOver() throws {
    let folder = TemporaryFolder()
    let path = try Self.sample(in: folder)
    var bytes = try contents(path)
    // The first reference count block is in the third cluster; its first entry counts the header.
    bytes.replaceSubrange(1024..<1026, with: [0, 0])
    let damaged = folder.write("damaged.qcow2", bytes)
    #expect(try ImageOpener().openQcow2(damaged).check().corruptions.count == 1)
    #expect(diskError { _ = try ImageOpener().openQcow2(damaged, readOnly: false) }?.kind == .damaged)
    bytes.replaceSubrange(1024..<1026, with: [0, 9])
    let leaking = folder.write("leaking.qcow2", bytes)
    #expect(try ImageOpener().openQcow2(leaking).check().leakedClusters == 1)
  }
}
