// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Foundation
import TestSupport
import Testing

/// Images with what QEMU's tools can write and rrtool only reads: zstd, subclusters, external data files.
@Suite struct ForeignFeatureTests {
  static let kinds = [
    "compression_type=zstd", "extended_l2=on", "extended_l2=on,compression_type=zstd",
    "data_file=data.raw", "data_file=data.raw,data_file_raw=on", "data_file=data.raw,extended_l2=on",
  ]

  struct Case: CustomTestStringConvertible {
    let kind: String
    let seed: UInt64
    var testDescription: String { "\(kind), seed \(seed)" }
  }

  static let cases = kinds.flatMap { kind in (1...4).map { Case(kind: kind, seed: $0) } }

  /// Random writes by qemu-io, over a base or none; gives the image's path, and QEMU's reading of it as a raw file.
  static func make(_ test: Case, in folder: TemporaryFolder) throws -> (path: String, raw: String) {
    var random = SeededGenerator(seed: test.seed &* 1000 &+ UInt64(test.kind.utf8.count))
    let least = test.kind.contains("extended_l2") ? 14 : 9
    let clusterSize = 1 << Int.random(in: least...(test.seed == 1 ? 21 : 17), using: &random)
    let size = 512 * Int.random(in: 1...(8 << 20) / 512, using: &random)
    var arguments = ["qemu-img", "create", "-q", "-f", "qcow2"]
    if random.below(2) == 0, !test.kind.contains("data_file_raw") {
      // Shorter than the image in some, longer in others.
      _ = folder.write("base.raw", random.bytes(Int.random(in: 1...2 * size, using: &random)).map { $0 | 1 })
      arguments += ["-b", "base.raw", "-F", "raw"]
    }
    arguments += ["-o", "\(test.kind),cluster_size=\(clusterSize)", "image.qcow2", "\(size)"]
    let made = try runProgram(arguments, folder: folder.path)
    try #require(made.status == 0, "\(made.everything)")
    var commands: [String] = []
    for _ in 0..<40 {
      let offset = 512 * random.below(size / 512)
      let most = min(size - offset, random.below(4) == 0 ? size : 3 * clusterSize)
      let count = 512 * Int.random(in: 1...max(1, most / 512), using: &random)
      switch random.below(8) {
      case 0...3: commands += ["-c", "write -P \(1 + random.below(255)) \(offset) \(count)"]
      case 4: commands += ["-c", "write -z \(offset) \(count)"]
      case 5: commands += ["-c", "write -z -u \(offset) \(count)"]
      case 6: commands += ["-c", "discard \(offset) \(count)"]
      default:
        // QEMU packs whole clusters only, and none into another file.
        let start = offset / clusterSize * clusterSize
        if !test.kind.contains("data_file"), size - start >= clusterSize {
          commands += ["-c", "write -c -P \(1 + random.below(255)) \(start) \(clusterSize)"]
        }
      }
    }
    let written = try runProgram(
      ["qemu-io", "-f", "qcow2", "-d", "unmap"] + commands + ["image.qcow2"], folder: folder.path)
    // It packs nothing over what is there, says so and goes on.
    try #require(written.status == 0 || written.everything.contains("write failed: Input/output error"))
    let converted = try runProgram(
      ["qemu-img", "convert", "-f", "qcow2", "-O", "raw", "image.qcow2", "flat.raw"], folder: folder.path)
    try #require(converted.status == 0, "\(converted.everything)")
    return (folder.file("image.qcow2"), folder.file("flat.raw"))
  }

  @Test(arguments: cases) func readsWhatQemuWrote(_ test: Case) throws {
    let folder = TemporaryFolder()
    let made = try Self.make(test, in: folder)
    let expected = try contents(made.raw)
    let image = try ImageOpener().openQcow2(made.path)
    #expect(try image.read(at: 0, count: image.size) == expected)
    #expect(try image.check().corruptions == [])
    // In pieces, which begin and end anywhere.
    var random = SeededGenerator(seed: test.seed)
    for _ in 0..<200 {
      let offset = random.below(expected.count)
      let count = 1 + random.below(min(expected.count - offset, 200_000))
      #expect(try image.read(at: offset, count: count) == Array(expected[offset..<offset + count]))
    }
  }

  /// A whole disk that QEMU has packed, so that there are streams of every length.
  @Test(arguments: ["compression_type=zstd", "extended_l2=on,compression_type=zstd"])
  func unpacksWhatQemuPacked(_ kind: String) throws {
    let folder = TemporaryFolder()
    let sample = QemuCompatibilityTests.sample(seed: 23)
    let raw = folder.write("raw", sample)
    for clusterSize in kind.contains("extended") ? [16_384, 65_536, 2 << 20] : [512, 4096, 65_536, 2 << 20] {
      let path = folder.file("image-\(clusterSize)")
      let made = try tool(
        "qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", "-o", "\(kind),cluster_size=\(clusterSize)",
        raw,
        path)
      try #require(made.status == 0, "\(made.output)")
      let image = try ImageOpener().openQcow2(path)
      #expect(try image.read(at: 0, count: image.size) == sample)
      #expect(try image.check().isClean)
    }
  }

  @Test func snapshotsWithSubclustersAreRead() throws {
    let folder = TemporaryFolder()
    let path = folder.file("image.qcow2")
    try tool("qemu-img", "create", "-f", "qcow2", "-o", "extended_l2=on,compression_type=zstd", path, "1M")
    try tool("qemu-io", "-f", "qcow2", "-c", "write -P 1 3k 5k", "-c", "write -c -P 2 64k 64k", path)
    try tool("qemu-img", "snapshot", "-c", "first", path)
    try tool("qemu-io", "-f", "qcow2", "-c", "write -P 3 0 200k", path)
    var expected = [UInt8](repeating: 0, count: 1 << 20)
    expected.replaceSubrange(3072..<8192, with: repeatElement(1, count: 5120))
    expected.replaceSubrange(65_536..<131_072, with: repeatElement(2, count: 65_536))
    let image = try ImageOpener().openQcow2(path)
    let snapshot = try image.openSnapshot("first")
    #expect(try snapshot.read(at: 0, count: 1 << 20) == expected)
    let target = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { target.deallocate() }
    target.initializeMemory(as: UInt8.self, repeating: 0)
    try snapshot.load(into: target) { _, _ in }
    #expect(Array(target) == expected)
    #expect(try image.check().isClean)
  }

  /// zlib is what is packed here; in an image of zstd clusters everything stays as it comes.
  @Test func writesPlainlyIntoImagesOfZstd() throws {
    let folder = TemporaryFolder()
    let path = folder.file("image.qcow2")
    let sample = QemuCompatibilityTests.sample(seed: 29)
    let raw = folder.write("raw", sample)
    try tool("qemu-img", "convert", "-c", "-O", "qcow2", "-o", "compression_type=zstd", raw, path)
    do {
      let image = try ImageOpener().openQcow2(path, readOnly: false)
      try [UInt8](repeating: 9, count: 200_000).withUnsafeBytes {
        try image.writeCompressed(at: 100_000, from: $0, .small)
      }
      try image.createSnapshot("here", from: .active, vmState: Array(sample.prefix(100_000)))
      try image.flush()
      #expect(try image.openSnapshot("here").vmState() == Array(sample.prefix(100_000)))
    }
    var expected = sample
    expected.replaceSubrange(100_000..<300_000, with: repeatElement(9, count: 200_000))
    let flat = folder.write("flat", expected)
    try expectQemuCheckIsClean(path)
    #expect(try tool("qemu-img", "compare", "-f", "raw", "-F", "qcow2", flat, path).status == 0)
  }

  @Test(arguments: [("extended_l2=on", "subclusters"), ("data_file=data.raw", "external data file")])
  func refusesToWriteWhatItOnlyReads(_ options: String, _ name: String) throws {
    let folder = TemporaryFolder()
    let made = try tool(
      "qemu-img", "create", "-f", "qcow2", "-o", options, "image.qcow2", "1M", folder: folder.path)
    try #require(made.status == 0, "\(made.output)")
    let before = try contents(folder.file("image.qcow2"))
    let error = diskError { _ = try ImageOpener().openQcow2(folder.file("image.qcow2"), readOnly: false) }
    #expect(error?.kind == .refused && error?.problem.contains(name) == true, "\(error?.description ?? "")")
    #expect(try contents(folder.file("image.qcow2")) == before)
  }

  @Test func dataFilesAreChecked() throws {
    let folder = TemporaryFolder()
    let path = folder.file("image.qcow2")
    try tool(
      "qemu-img", "create", "-f", "qcow2", "-o", "data_file=data.raw", "image.qcow2", "1M",
      folder: folder.path)
    try tool("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 1M", "image.qcow2", folder: folder.path)
    #expect(try ImageOpener().openQcow2(path).dataFile == folder.file("data.raw"))
    let good = try contents(path)
    // Its own data file, none, one that is too short, one that is gone.
    let place = try #require(good.firstRange(of: Array("data.raw".utf8))?.lowerBound)
    var itself = good
    itself.replaceSubrange(place..<place + 8, with: Array("self.img".utf8))
    #expect(
      diskError { _ = try ImageOpener().openQcow2(folder.write("self.img", itself)) }?.problem.contains(
        "its own") == true)
    var nameless = good
    nameless[place - 8] = 0
    #expect(
      diskError { _ = try ImageOpener().openQcow2(folder.write("nameless", nameless)) }?.problem
        .contains("does not name") == true)
    _ = folder.write("data.raw", [UInt8](repeating: 7, count: 100_000))
    let short = try ImageOpener().openQcow2(path)
    #expect(try short.read(at: 0, count: 1) == [7])
    #expect(diskError { _ = try short.read(at: 900_000, count: 1) }?.problem.contains("data.raw") == true)
    try FileManager.default.removeItem(atPath: folder.file("data.raw"))
    let gone = diskError { _ = try ImageOpener().openQcow2(path) }
    #expect(gone?.kind == .system(ENOENT) && gone?.problem.contains("external data file") == true)
  }

  @Test(arguments: kinds, [UInt64(1), 2]) func damageNeverTraps(_ kind: String, seed: UInt64) throws {
    let folder = TemporaryFolder()
    let good = try contents(Self.make(Case(kind: kind, seed: 2 + seed), in: folder).path)
    var random = SeededGenerator(seed: seed)
    // Tables are what lies between the header and the data, most often near the file's start.
    for round in 0..<250 {
      var bytes = good
      for _ in 0..<1 + random.below(3) {
        let place =
          round % 3 == 0
          ? random.below(160) : random.below(round % 3 == 1 ? min(bytes.count, 400_000) : bytes.count)
        bytes[place] =
          random.below(2) == 0
          ? bytes[place] ^ UInt8(1 << random.below(8)) : UInt8.random(in: 0...255, using: &random)
      }
      if random.below(10) == 0 { bytes.removeLast(random.below(bytes.count)) }
      let path = folder.write("mutant.qcow2", bytes)
      do throws(DiskImageError) {
        let image = try ImageOpener().open(path)
        for _ in 0..<6 where image.size > 0 {
          let offset = random.below(image.size)
          _ = try? image.read(at: offset, count: min(image.size - offset, 100_000))
        }
        if image.size < 1 << 26 { _ = try (image as? Qcow2Image)?.check() }
      } catch {
        #expect(!error.description.contains("\n"))
      }
    }
  }
}
