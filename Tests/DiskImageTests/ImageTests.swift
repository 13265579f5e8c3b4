// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import DiskImage
import Foundation
import Glibc
import TestSupport
import Testing

/// Raw images, chains of images, overlays in memory, fingerprints and exports.
@Suite struct ImageTests {
  @Test func rawImagesOfOddSizeArePadded() throws {
    let folder = TemporaryFolder()
    for count in [0, 1, 511, 512, 513, 1025] {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 | 1) }
      let path = folder.write("raw", bytes)
      let image = try ImageOpener().open(path, format: .raw)
      let padded = (count + 511) / 512 * 512
      #expect(image.size == padded)
      #expect(try image.read(at: 0, count: padded) == bytes + [UInt8](repeating: 0, count: padded - count))
      #expect(diskError { try image.write(at: 0, [1]) }?.kind == .readOnly)
      #expect(diskError { _ = try image.read(at: padded, count: 1) }?.kind == .outOfRange)
      #expect(diskError { _ = try image.read(at: -1, count: 1) }?.kind == .outOfRange)
      #expect(diskError { _ = try image.read(at: 1, count: .max) }?.kind == .outOfRange)
      #expect(try contents(path) == bytes)
    }
  }

  @Test func rawImagesAreWritten() throws {
    let folder = TemporaryFolder()
    let path = folder.write("raw", [UInt8](repeating: 9, count: 2000))
    let image = try ImageOpener().open(path, format: .raw, readOnly: false)
    try image.write(at: 1990, [UInt8](repeating: 1, count: 58))
    try image.writeZeroes(at: 1, count: 3)
    let expected = [9, 0, 0, 0] + [UInt8](repeating: 9, count: 1986) + [UInt8](repeating: 1, count: 58)
    #expect(try contents(path) == expected)
  }

  @Test func onlyRegularFilesAreImages() throws {
    let folder = TemporaryFolder()
    mkfifo(folder.file("pipe"), 0o600)
    for (path, word) in [
      ("/dev/null", "a character device"), (folder.path, "a folder"), (folder.file("pipe"), "a pipe"),
    ] {
      let error = diskError { _ = try ImageOpener().open(path) }
      #expect(error?.kind == .refused && error?.problem.contains(word) == true)
    }
    #expect(diskError { _ = try ImageOpener().open(folder.file("none")) }?.kind == .system(ENOENT))
    let path = folder.write("taken", [1])
    #expect(diskError { try Qcow2Image.create(at: path, size: 512) }?.kind == .system(EEXIST))
    #expect(try contents(path) == [1])
  }

  @Test func aSecondWriterIsRefused() throws {
    let folder = TemporaryFolder()
    let path = folder.file("image.qcow2")
    try Qcow2Image.create(at: path, size: 1 << 20)
    let first = try ImageOpener().openQcow2(path, readOnly: false)
    #expect(diskError { _ = try ImageOpener().openQcow2(path, readOnly: false) }?.kind == .refused)
    #expect(try ImageOpener().openQcow2(path).size == first.size)
  }

  @Test func formatsAreFoundAndCanBeForced() throws {
    let folder = TemporaryFolder()
    let path = folder.file("image")
    try Qcow2Image.create(at: path, size: 1 << 20)
    #expect(try ImageFormat.probe(path: path) == .qcow2)
    #expect(try ImageOpener().open(path) is Qcow2Image)
    let raw = try ImageOpener().open(path, format: .raw)
    #expect(try raw.read(at: 0, count: 3) == Array("QFI".utf8))
    #expect(try ImageFormat.probe(path: folder.write("short", [0x51])) == .raw)
  }

  @Test func backingFilesFollowThePolicy() throws {
    let folder = TemporaryFolder()
    _ = folder.write("base.raw", [UInt8](repeating: 6, count: 4096))
    _ = folder.write("other.raw", [UInt8](repeating: 8, count: 4096))
    let path = folder.file("top.qcow2")
    try Qcow2Image.create(at: path, size: 8192, backing: ("base.raw", .raw))
    #expect(try ImageOpener().open(path).read(at: 4095, count: 2) == [6, 0])
    var seen: [BackingReference] = []
    let other = ImageOpener { (reference) throws(DiskImageError) in
      seen.append(reference)
      return .open(path: folder.file("other.raw"), format: nil)
    }
    #expect(try other.open(path).read(at: 0, count: 1) == [8])
    #expect(seen.map(\.path) == [folder.file("base.raw")])
    #expect(seen.map(\.name) == ["base.raw"] && seen.map(\.format) == [.raw])
    let none = ImageOpener { (_) throws(DiskImageError) in .none }
    #expect(try none.open(path).read(at: 0, count: 1) == [0])
    let veto = ImageOpener { (reference) throws(DiskImageError) in
      throw DiskImageError(.refused, path: reference.path, problem: "vetoed", advice: "do not")
    }
    #expect(diskError { _ = try veto.open(path) }?.problem == "vetoed")
  }

  @Test func badBackingFilesAreRefused() throws {
    let folder = TemporaryFolder()
    func make(_ name: String, over backing: String) throws -> String {
      try? FileManager.default.removeItem(atPath: folder.file(name))
      try Qcow2Image.create(at: folder.file(name), size: 8192, backing: (backing, .qcow2))
      return folder.file(name)
    }
    let loop = try make("a.qcow2", over: "b.qcow2")
    _ = try make("b.qcow2", over: "a.qcow2")
    #expect(diskError { _ = try ImageOpener().open(loop) }?.problem.contains("leads back") == true)
    #expect(
      diskError { _ = try ImageOpener().open(try make("self.qcow2", over: "self.qcow2")) }?.kind == .damaged)
    let missing = diskError { _ = try ImageOpener().open(try make("m.qcow2", over: "gone.qcow2")) }
    #expect(missing?.kind == .system(ENOENT) && missing?.path == folder.file("gone.qcow2"))
    #expect(missing?.problem.contains("m.qcow2") == true)
    #expect(
      diskError { _ = try ImageOpener().open(try make("d.qcow2", over: "/dev/zero")) }?.kind == .refused)
    #expect(diskError { _ = try make("j.qcow2", over: "json:{}") }?.kind == .unsupported)
    for number in 0..<70 { _ = try make("chain\(number)", over: "chain\(number + 1)") }
    #expect(diskError { _ = try ImageOpener().open(folder.file("chain0")) }?.kind == .limit)
    // A name with a line break in it stays on one line (checked by diskError).
    _ = diskError { _ = try ImageOpener().open(try make("n.qcow2", over: "two\nlines\u{1b}[31m")) }
    // Without a stated format the backing file is not guessed at.
    var bytes = try contents(try make("f.qcow2", over: "a.qcow2"))
    bytes.replaceSubrange(112..<116, with: [0x11, 0x22, 0x33, 0x44])
    let unknown = folder.write("f2.qcow2", bytes)
    #expect(diskError { _ = try ImageOpener().open(unknown) }?.problem.contains("what format") == true)
    bytes.replaceSubrange(112..<116, with: [0xe2, 0x79, 0x2a, 0xca])
    bytes.replaceSubrange(120..<125, with: Array("vmdkk".utf8))
    let foreign = folder.write("f3.qcow2", bytes)
    #expect(diskError { _ = try ImageOpener().open(foreign) }?.kind == .unsupported)
  }

  /// In memory, all in the file, and some of both.
  @Test(arguments: [1 << 20, 0, 5 * 4096]) func scratchOverlayBehavesLikePlainBytes(memoryLimit: Int) throws {
    let folder = TemporaryFolder()
    var random = SeededGenerator(seed: 31)
    let base = random.bytes(50_176).map { $0 | 1 }
    let path = folder.write("base", base)
    let overlay = ScratchOverlay(
      base: try ImageOpener().open(path, format: .raw), clusterSize: 4096, memoryLimit: memoryLimit)
    var model = base
    var kept: (contents: ScratchOverlay.Contents, model: [UInt8])?
    for step in 0..<600 {
      let offset = random.below(base.count)
      let count = 1 + random.below(min(base.count - offset, 10_000))
      switch random.below(5) {
      case 0, 1:
        let bytes = random.bytes(count)
        try overlay.write(at: offset, bytes)
        model.replaceSubrange(offset..<offset + count, with: bytes)
      case 2:
        try overlay.writeZeroes(at: offset, count: count)
        model.replaceSubrange(offset..<offset + count, with: repeatElement(0, count: count))
      case 3 where step % 7 == 0:
        if let kept { (overlay.contents, model) = kept }
        kept = (overlay.contents, model)
      default:
        #expect(
          try overlay.read(at: offset, count: count) == Array(model[offset..<offset + count]), "step \(step)")
      }
    }
    #expect(try overlay.read(at: 0, count: base.count) == model)
    #expect(try contents(path) == base)
    // The base with the listed changes is the same again: a snapshot can be made of them.
    var rebuilt = base
    var end = 0
    for change in overlay.changes {
      #expect(change.offset >= end)
      end = change.offset + change.count
      let bytes = try overlay.read(at: change.offset, count: change.count)
      #expect(!change.isZero || bytes.allSatisfy { $0 == 0 })
      rebuilt.replaceSubrange(change.offset..<end, with: bytes)
    }
    #expect(rebuilt == model)
    #expect(overlay.contents.byteCount > 0)
    #expect((overlay.spilledByteCount > 0) == (memoryLimit < 1 << 20))
  }

  /// What lies around a small write in its cluster is not among the changes.
  @Test(arguments: [1 << 20, 0]) func scratchOverlayListsThePiecesThatWereWritten(memoryLimit: Int) throws {
    let folder = TemporaryFolder()
    let path = folder.write("base", [UInt8](repeating: 7, count: 300_032))
    let overlay = ScratchOverlay(
      base: try ImageOpener().open(path, format: .raw), memoryLimit: memoryLimit)
    try overlay.write(at: 65_536 + 4096, [1])
    try overlay.write(at: 65_536 + 8191, [1, 2])
    try overlay.write(at: 65_536 + 61_440, [UInt8](repeating: 3, count: 8192))
    try overlay.writeZeroes(at: 196_608, count: 65_536)
    try overlay.write(at: 300_000, [4])
    func listed() -> [[Int]] { overlay.changes.map { [$0.offset, $0.count, $0.isZero ? 1 : 0] } }
    #expect(
      listed() == [
        [69_632, 8192, 0], [126_976, 4096, 0], [131_072, 4096, 0], [196_608, 65_536, 1], [299_008, 1024, 0],
      ])
    // A cluster of zeros that is written to is not of zeros, but has been written as a whole.
    try overlay.write(at: 200_000, [5])
    #expect(listed()[3] == [196_608, 65_536, 0])
  }

  /// Places in the file that nobody holds any more are used again, and what is kept elsewhere stays as it is.
  @Test func scratchOverlayUsesItsFileAgain() throws {
    var random = SeededGenerator(seed: 32)
    let folder = TemporaryFolder()
    let path = folder.write("base", [UInt8](repeating: 7, count: 1 << 20))
    let overlay = ScratchOverlay(
      base: try ImageOpener().open(path, format: .raw), clusterSize: 4096, memoryLimit: 0,
      folder: folder.path)
    #expect(overlay.spilledByteCount == 0)
    var kept: [(contents: ScratchOverlay.Contents, bytes: [UInt8])] = []
    for round in 0..<40 {
      let bytes = random.bytes(64 * 4096 - 100)
      try overlay.write(at: 50, bytes)
      try overlay.writeZeroes(at: 4096, count: 4096)
      if round % 4 == 0 {
        kept.append((overlay.takeContents().contents, try overlay.read(at: 0, count: 1 << 20)))
      }
      if kept.count > 3 { kept.removeFirst() }
    }
    // Three that are kept, one that is written, and the one that is dropped last.
    #expect(overlay.spilledByteCount <= 5 * 64 * 4096)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["base"], "the file has no name")
    for (contents, bytes) in kept {
      overlay.contents = contents
      #expect(try overlay.read(at: 0, count: 1 << 20) == bytes)
    }
  }

  @Test func scratchOverlayTellsThatItsDiskIsFull() throws {
    let folder = TemporaryFolder()
    guard getuid() == 0, try tool("mount", "-t", "tmpfs", "-o", "size=64k", "none", folder.path).status == 0
    else { return }
    defer { _ = try? tool("umount", "-l", folder.path) }
    let other = TemporaryFolder()
    let base = try RawImage(creating: other.file("base"), size: 1 << 20)
    let overlay = ScratchOverlay(base: base, clusterSize: 4096, memoryLimit: 4096, folder: folder.path)
    let error = diskError {
      for index in 0..<30 { try overlay.write(at: index * 4096, [UInt8](repeating: 5, count: 4096)) }
    }
    #expect(
      error?.description
        == "\(folder.path): cannot keep what the guest writes: No space left on device; make room there, or name "
        + "another folder with TMPDIR")
    #expect(error?.kind == .system(ENOSPC))
    // What was written before is there, and what could not be is as it was.
    #expect(try overlay.read(at: 0, count: 17 * 4096) == [UInt8](repeating: 5, count: 17 * 4096))
    #expect(try overlay.read(at: 17 * 4096, count: 4096) == [UInt8](repeating: 0, count: 4096))
    // Room that is given back is used.
    try overlay.writeZeroes(at: 8 * 4096, count: 4096)
    try overlay.write(at: 20 * 4096, [UInt8](repeating: 6, count: 4096))
    let nowhere = ScratchOverlay(base: base, memoryLimit: 0, folder: "/nowhere")
    #expect(diskError { try nowhere.write(at: 0, [1]) }?.kind == .system(ENOENT))
  }

  @Test func fingerprintIsOfEveryByte() throws {
    let folder = TemporaryFolder()
    var random = SeededGenerator(seed: 12)
    var bytes = [UInt8](repeating: 0, count: 5_000_001)
    bytes.replaceSubrange(3_500_000..<3_600_000, with: random.bytes(100_000))
    let dense = folder.write("dense", bytes)
    // The same bytes with holes.
    let sparse = folder.file("sparse")
    try tool("cp", "--sparse=always", dense, sparse)
    let fingerprint = try ImageFingerprint(of: dense)
    #expect(try ImageFingerprint(of: sparse) == fingerprint)
    // As docs/formats/digests.md defines it.
    var running: UInt64 = 0
    func fold(_ value: UInt64) {
      var writer = ByteWriter()
      writer.uint64(running)
      writer.uint64(value)
      running = Digest.of(writer.bytes)
    }
    for start in stride(from: 0, to: bytes.count, by: 1 << 20) {
      fold(Digest.of(Array(bytes[start..<min(bytes.count, start + 1 << 20)])))
    }
    fold(UInt64(bytes.count))
    #expect(fingerprint == ImageFingerprint(size: bytes.count, digest: running))
    for place in [0, 1 << 20, 3_550_000, 5_000_000] {
      var changed = bytes
      changed[place] ^= 1
      #expect(try ImageFingerprint(of: folder.write("changed", changed)) != fingerprint)
    }
    #expect(try ImageFingerprint(of: folder.write("longer", bytes + [0])) != fingerprint)
    let json = try JSONEncoder().encode(ImageFingerprint(size: 3, digest: 0xab))
    #expect(String(decoding: json, as: UTF8.self).contains("\"00000000000000ab\""))
    #expect(
      try JSONDecoder().decode(ImageFingerprint.self, from: json) == ImageFingerprint(size: 3, digest: 0xab))
    for bad in [#"{"size":-1,"digest":"00000000000000ab"}"#, #"{"size":1,"digest":"ab"}"#] {
      #expect(throws: DecodingError.self) {
        try JSONDecoder().decode(ImageFingerprint.self, from: Data(bad.utf8))
      }
    }
  }

  @Test func exportsStandAlone() throws {
    let folder = TemporaryFolder()
    var random = SeededGenerator(seed: 8)
    _ = folder.write("base.raw", random.bytes(300_000).map { $0 | 1 })
    try Qcow2Image.create(at: folder.file("top.qcow2"), size: 1_000_448, backing: ("base.raw", .raw))
    let image = try ImageOpener().openQcow2(folder.file("top.qcow2"), readOnly: false)
    try image.createSnapshot("s", from: .active) { (writer) throws(DiskImageError) in
      try writer.write(at: 200_000, [UInt8](repeating: 4, count: 500_000), compressed: true)
    }
    let snapshot = try image.openSnapshot("s")
    let expected = try snapshot.read(at: 0, count: snapshot.size)
    for (name, format, compressed) in [
      ("a", ImageFormat.raw, false), ("b", .qcow2, false), ("c", .qcow2, true),
    ] {
      try snapshot.export(to: folder.file(name), format: format, compressed: compressed)
      let copy = try ImageOpener().open(folder.file(name), format: format)
      #expect(try copy.read(at: 0, count: copy.size) == expected)
      if format == .qcow2 { try expectQemuCheckIsClean(folder.file(name)) }
      #expect(
        diskError { try snapshot.export(to: folder.file(name), format: format) }?.kind == .system(EEXIST))
    }
    #expect(try contents(folder.file("a")) == expected)
    #expect(try contents(folder.file("c")).count < contents(folder.file("b")).count)
  }

  @Test func sharedClustersAreStoredOnce() throws {
    let folder = TemporaryFolder()
    let path = folder.file("memory.qcow2")
    var random = SeededGenerator(seed: 3)
    let memory = (0..<(2 << 20)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    try Qcow2Image.create(at: path, size: 2 << 20)
    let image = try ImageOpener().openQcow2(path, readOnly: false)
    try image.createSnapshot("0", from: .empty) { (writer) throws(DiskImageError) in
      try writer.write(at: 0, memory, compressed: true)
    }
    let first = try contents(path).count
    for number in 1...20 {
      try image.createSnapshot("\(number)", from: .snapshot("\(number - 1)")) {
        (writer) throws(DiskImageError) in
        try writer.write(at: 4096, [UInt8(number)], compressed: true)
      }
    }
    // Each of them costs one cluster of data, two tables and a little of the snapshot table.
    #expect(try contents(path).count - first < 20 * 4 * 65_536)
    for number in 1...20 {
      #expect(
        try image.openSnapshot("\(number)").read(at: 4095, count: 3) == [
          memory[4095], UInt8(number), memory[4097],
        ])
    }
    for number in 0...20 { try image.deleteSnapshot("\(number)") }
    #expect(image.snapshots == [])
    #expect(try image.check().isClean)
    // What became free is used again.
    let full = try contents(path).count
    try image.write(at: 0, memory)
    try image.flush()
    #expect(try contents(path).count == full)
    #expect(diskError { try image.deleteSnapshot("x") }?.kind == .snapshot)
    try image.createSnapshot("x", from: .active)
    #expect(diskError { try image.createSnapshot("x", from: .active) }?.kind == .snapshot)
    #expect(diskError { try image.createSnapshot("", from: .active) }?.kind == .limit)
    try expectQemuCheckIsClean(path)
  }
}
