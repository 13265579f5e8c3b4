// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Foundation
import TestSupport
import Testing

/// Images made by QEMU's tools, read and changed here, and the reverse.
@Suite struct QemuCompatibilityTests {
  static let variants = [
    "compat=0.10", "compat=1.1", "cluster_size=512", "cluster_size=2M", "cluster_size=4k,refcount_bits=1",
    "cluster_size=1k,refcount_bits=2", "refcount_bits=4", "refcount_bits=8", "refcount_bits=32",
    "refcount_bits=64",
    "preallocation=metadata", "preallocation=falloc", "preallocation=full", "lazy_refcounts=on",
    "compat=0.10,cluster_size=1k",
  ]

  /// 3 MiB with data, zeros, holes and a last sector that is alone.
  static func sample(seed: UInt64) -> [UInt8] {
    var random = SeededGenerator(seed: seed)
    var bytes: [UInt8] = []
    while bytes.count < 3 << 20 { bytes += random.bytes(1 + random.below(300_000)) }
    return Array(bytes.prefix(3 << 20)) + [UInt8](repeating: 7, count: 512)
  }

  @Test(arguments: variants) func readsAndChangesWhatQemuMade(_ options: String) throws {
    let folder = TemporaryFolder()
    var expected = Self.sample(seed: 11)
    let raw = folder.write("raw", expected)
    for compressed in [false, true] {
      if compressed && options.contains("preallocation") { continue }
      let path = folder.file("image-\(compressed).qcow2")
      let made =
        compressed
        ? try tool("qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", "-o", options, raw, path)
        : try tool("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-o", options, raw, path)
      try #require(made.status == 0, "\(made.output)")
      var image = try ImageOpener().openQcow2(path, readOnly: false)
      #expect(try image.read(at: 0, count: image.size) == expected)
      #expect(try image.check().isClean)
      let change = [UInt8](repeating: 0x5a, count: 100_001)
      try image.write(at: 70_000, change)
      try image.writeZeroes(at: 1 << 20, count: 200_000)
      try image.flush()
      #expect(try image.check().isClean)
      image = try ImageOpener().openQcow2(path)
      expected = try contents(raw)
      expected.replaceSubrange(70_000..<170_001, with: change)
      expected.replaceSubrange(1 << 20..<(1 << 20) + 200_000, with: repeatElement(0, count: 200_000))
      try expectQemuCheckIsClean(path)
      let changed = folder.write("changed", expected)
      let compared = try tool("qemu-img", "compare", "-U", "-f", "raw", "-F", "qcow2", changed, path)
      #expect(compared.status == 0, "\(compared.output)")
      expected = try contents(raw)
    }
  }

  @Test func readsAndKeepsSnapshotsThatQemuMade() throws {
    let folder = TemporaryFolder()
    let path = folder.file("image.qcow2")
    try tool("qemu-img", "create", "-f", "qcow2", path, "8M")
    try tool("qemu-io", "-f", "qcow2", "-c", "write -P 1 0 1M", "-c", "write -c -P 2 1M 64k", path)
    try tool("qemu-img", "snapshot", "-c", "first", path)
    try tool("qemu-io", "-f", "qcow2", "-c", "write -P 3 512k 1M", "-c", "write -z 0 128k", path)
    try tool("qemu-img", "snapshot", "-c", "second", path)
    try forkFirstOfTwo(path)
    // QEMU goes to the fork, and writes there, and everything stays right.
    #expect(try tool("qemu-img", "snapshot", "-a", "forked", path).status == 0)
    let checked = try tool(
      "qemu-io", "-f", "qcow2", "-c", "read -P 1 0 64k", "-c", "read -P 9 64k 64k", "-c", "read -P 2 1M 64k",
      "-c", "write -P 4 0 2M", path)
    #expect(checked.status == 0 && !checked.output.contains("failed"), "\(checked.output)")
    let image = try ImageOpener().openQcow2(path)
    #expect(try image.openSnapshot("forked").read(at: 65_536, count: 2) == [9, 9])
    #expect(try image.openSnapshot("second").read(at: 1 << 20, count: 1) == [3])
    #expect(try image.read(at: 0, count: 1) == [4])
    try expectQemuCheckIsClean(path)
  }

  /// What is done here with an image that QEMU has made; it is closed afterwards.
  private func forkFirstOfTwo(_ path: String) throws {
    let image = try ImageOpener().openQcow2(path, readOnly: false)
    #expect(image.snapshots.map(\.name) == ["first", "second"])
    #expect(image.snapshots.map(\.id) == ["1", "2"])
    let first = try image.openSnapshot("first")
    #expect(try first.read(at: 0, count: 4096) == [UInt8](repeating: 1, count: 4096))
    #expect(try first.read(at: 1 << 20, count: 65_536) == [UInt8](repeating: 2, count: 65_536))
    let second = try image.openSnapshot("second")
    #expect(try second.read(at: 0, count: 4096) == [UInt8](repeating: 0, count: 4096))
    #expect(try second.read(at: 1 << 20, count: 4096) == [UInt8](repeating: 3, count: 4096))

    try image.createSnapshot("forked", from: .snapshot("first")) { (writer) throws(DiskImageError) in
      try writer.write(at: 65_536, [UInt8](repeating: 9, count: 65_536), compressed: true)
    }
    try image.deleteSnapshot("first")
    #expect(diskError { _ = try first.read(at: 0, count: 1) }?.kind == .snapshot)
    #expect(try second.read(at: 1 << 20, count: 1) == [3])
    try expectQemuCheckIsClean(path)
  }

  @Test func listsClockAndInstructionCount() throws {
    let folder = TemporaryFolder()
    let path = folder.file("vmstate.qcow2")
    try Qcow2Image.create(at: path, size: 1 << 20)
    let image = try ImageOpener().openQcow2(path, readOnly: false)
    let metadata = SnapshotMetadata(
      seconds: 1_700_000_000, nanoseconds: 5, vmClock: 3_723_004_000_000, instructionCount: 123_456_789)
    let state = Self.sample(seed: 4)
    try image.createSnapshot("replay_init", from: .active, metadata: metadata, vmState: state)
    try image.createSnapshot("plain", from: .empty)
    let info = try #require(image.snapshots.first)
    #expect(info.metadata == metadata)
    #expect(image.snapshots[1].metadata.instructionCount == nil)
    let list = try tool("qemu-img", "snapshot", "-U", "-l", path)
    let line = try #require(list.output.split(separator: "\n").first { $0.contains("replay_init") })
    #expect(line.contains("01:02:03.004") && line.contains("123456789") && line.contains("3 MiB"), "\(line)")
    #expect(try ImageOpener().openQcow2(path).openSnapshot("replay_init").vmState() == state)
    #expect(
      diskError { _ = try image.openSnapshot("replay_init").vmState(maximumSize: 1000) }?.kind == .damaged)
    try expectQemuCheckIsClean(path)
  }

  @Test func backingChainIsAsQemuSeesIt() throws {
    let folder = TemporaryFolder()
    let raw = Self.sample(seed: 5)
    _ = folder.write("base.raw", raw)
    try tool("qemu-img", "create", "-f", "qcow2", "-b", "base.raw", "-F", "raw", folder.file("middle.qcow2"))
    try Qcow2Image.create(
      at: folder.file("top.qcow2"), size: raw.count, clusterSize: 4096, backing: ("middle.qcow2", .qcow2))
    do {
      let top = try ImageOpener().openQcow2(folder.file("top.qcow2"), readOnly: false)
      #expect(top.backing?.isReadOnly == true)
      try top.write(at: 5, [1, 2, 3])
      try top.flush()
    }
    var expected = raw
    expected.replaceSubrange(5..<8, with: [1, 2, 3])
    let flat = folder.write("flat.raw", expected)
    #expect(
      try tool("qemu-img", "compare", "-U", "-f", "raw", "-F", "qcow2", flat, folder.file("top.qcow2")).status
        == 0)
    let info = try tool("qemu-img", "info", "--backing-chain", folder.file("top.qcow2"))
    #expect(info.output.contains("backing file format: qcow2") && info.output.contains("base.raw"))
    #expect(try contents(folder.file("base.raw")) == raw)
    // A fresh overlay of QEMU's is cut short inside its L1 table's cluster.
    let middle = try ImageOpener().openQcow2(folder.file("middle.qcow2"), readOnly: false)
    #expect(try middle.read(at: 0, count: middle.size) == raw)
    #expect(try middle.check().isClean)
  }

  @Test func refusesByNameWhatItDoesNotKnow() throws {
    let folder = TemporaryFolder()
    // Header fields by hand: version, encryption, an unknown feature, the marks for dirty and corrupt.
    let good = folder.file("good.qcow2")
    try Qcow2Image.create(at: good, size: 1 << 20)
    let bytes = try contents(good)
    let patches: [(place: Int, value: UInt8, kind: DiskImageError.Kind, word: String)] = [
      (7, 4, .unsupported, "version 4"), (35, 1, .unsupported, "AES"), (35, 2, .unsupported, "LUKS"),
      (75, 1, .unsupported, "bit 32"), (79, 2, .damaged, "corrupt"), (23, 22, .damaged, "clusters"),
      (23, 8, .damaged, "clusters"), (104, 1, .damaged, "contradict"), (104, 2, .unsupported, "type 2"),
      (79, 8, .damaged, "contradict"), (79, 4, .damaged, "external data file"),
      (99, 7, .damaged, "reference counts"), (0, 0, .damaged, "not a qcow2"),
    ]
    for patch in patches {
      var patched = bytes
      patched[patch.place] = patch.value
      let path = folder.write("patched.qcow2", patched)
      let error = diskError { _ = try ImageOpener().openQcow2(path) }
      #expect(
        error?.kind == patch.kind && error?.problem.contains(patch.word) == true,
        "\(error?.description ?? "")")
    }
    var dirty = bytes
    dirty[79] = 1
    let path = folder.write("dirty.qcow2", dirty)
    #expect(try ImageOpener().openQcow2(path).size == 1 << 20)
    #expect(diskError { _ = try ImageOpener().openQcow2(path, readOnly: false) }?.kind == .refused)
  }

  @Test func clearsAutoclearFeaturesBeforeWriting() throws {
    let folder = TemporaryFolder()
    let path = folder.file("image.qcow2")
    try tool("qemu-img", "create", "-f", "qcow2", path, "1M")
    try tool("qemu-img", "bitmap", "--add", path, "changes")
    // With one that nobody knows beside that of the bitmaps, which are kept.
    var bytes = try contents(path)
    #expect(bytes[95] == 1)
    bytes[95] = 0x41
    _ = folder.write("image.qcow2", bytes)
    _ = try ImageOpener().openQcow2(path)
    #expect(try contents(path)[95] == 0x41)
    _ = try ImageOpener().openQcow2(path, readOnly: false)
    #expect(try contents(path)[95] == 1)
  }

  @Test func createsEveryShape() throws {
    let folder = TemporaryFolder()
    for clusterBits in 9...21 {
      for order in 0...6 {
        // Small clusters and large disks make long L1 tables, which need many reference count blocks.
        for size in [0, 512, 6 << 20, clusterBits == 9 ? 64 << 30 : 3 << 40] {
          let l1Size = size >> (2 * clusterBits - 3) * 8
          guard l1Size <= 4 << 20 else { continue }
          let path = folder.file("image.qcow2")
          try Qcow2Image.create(at: path, size: size, clusterSize: 1 << clusterBits, refcountBits: 1 << order)
          let image = try ImageOpener().openQcow2(path, readOnly: false)
          #expect(image.size == size)
          if size > 0 { try image.write(at: size - 512, [UInt8](repeating: 1, count: 512)) }
          #expect(
            try image.check().isClean,
            "clusters of 2^\(clusterBits), counts of 2^\(order) bits, \(size) bytes")
          if clusterBits % 4 == 1 { try expectQemuCheckIsClean(path) }
          try FileManager.default.removeItem(atPath: path)
        }
      }
    }
    let error = diskError { try Qcow2Image.create(at: folder.file("x"), size: 1 << 40, clusterSize: 512) }
    #expect(error?.kind == .limit)
    #expect(diskError { try Qcow2Image.create(at: folder.file("x"), size: 1000) }?.kind == .limit)
  }
}
