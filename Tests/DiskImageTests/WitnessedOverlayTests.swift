// SPDX-License-Identifier: Apache-2.0

import DiskImage
import TestSupport
import Testing

/// What is overwritten in part is shown to the witness, with overlays whose clusters are smaller than its own.
@Suite struct WitnessedOverlayTests {
  @Test(arguments: [512, 4096, 1 << 16])
  func showsWhatStaysBesideAWrite(clusterSize: Int) throws {
    let folder = TemporaryFolder()
    var random = SeededGenerator(seed: 5)
    let original = random.bytes(300_032)
    _ = folder.write("base.raw", original)
    let path = folder.file("top.qcow2")
    // The disk reaches past its base.
    try Qcow2Image.create(at: path, size: 600_064, clusterSize: clusterSize, backing: ("base.raw", .raw))
    var seen: [Int] = []
    var opener = ImageOpener()
    opener.baseWrapper = { base in
      WitnessedImage(base) { (cluster, bytes) throws(DiskImageError) in
        let start = cluster << 16
        #expect(Array(bytes) == Array(original[start..<min(original.count, start + 1 << 16)]))
        seen.append(cluster)
      }
    }
    let disk = try #require(WitnessedOverlay(try opener.openQcow2(path, readOnly: false)))
    func written(_ body: () throws -> Void) rethrows -> [Int] {
      seen = []
      try body()
      return seen.sorted()
    }
    var expected = original + [UInt8](repeating: 0, count: 300_032)
    func write(_ bytes: [UInt8], at offset: Int) throws {
      expected.replaceSubrange(offset..<offset + bytes.count, with: bytes)
      try disk.write(at: offset, bytes)
    }
    #expect(try written { try write(random.bytes(1 << 16), at: 1 << 16) } == [])
    // Nothing is left below that.
    #expect(try written { try write(random.bytes(4096), at: 1 << 16 + 8192) } == [])
    #expect(try written { try write(random.bytes(4096), at: 8192) } == [0])
    #expect(try written { try write(random.bytes(4096), at: 4096) } == [])
    #expect(
      try written {
        expected.replaceSubrange(140_288..<144_384, with: [UInt8](repeating: 0, count: 4096))
        try disk.writeZeroes(at: 140_288, count: 4096)
      } == [2])
    // From the middle of one to the middle of another, and past the base's end, where nothing is left of the last.
    #expect(try written { try write(random.bytes(130_560), at: 196_608 + 512) } == [3])
    #expect(try written { try write(random.bytes(4096), at: 500_224) } == [])
    try disk.flush()
    #expect(try disk.read(at: 0, count: disk.size) == expected)
    try expectQemuCheckIsClean(path)
  }

  @Test func isForOverlaysWithAWitnessOnly() throws {
    let folder = TemporaryFolder()
    let path = folder.file("top.qcow2")
    try Qcow2Image.create(at: path, size: 1 << 20)
    #expect(WitnessedOverlay(try ImageOpener().openQcow2(path, readOnly: false)) == nil)
  }
}
