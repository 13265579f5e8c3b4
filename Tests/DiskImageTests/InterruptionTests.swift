// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Foundation
import Glibc
import TestSupport
import Testing

/// What is in the file when a write fails, or when the process is killed before or in the middle of any write.
@Suite struct InterruptionTests {
  /// The states that the image may be in.
  final class Expectation {
    var snapshots: [String: [UInt8]] = [:]
    /// A snapshot that is being made or deleted: it may be there or not.
    var undecided: [String: [UInt8]] = [:]
    /// The active state at the last flush and after each write since.
    var active: [[UInt8]]
    init(_ disk: [UInt8]) { active = [disk] }
  }

  private func expectWhole(_ path: String, _ expected: Expectation, _ moment: String) throws {
    let image = try ImageOpener().openQcow2(path)
    #expect(try image.check().corruptions == [], "\(moment)")
    let names = Set(image.snapshots.map(\.name))
    let needed = Set(expected.snapshots.keys)
    #expect(needed.isSubset(of: names), "\(moment)")
    for name in names {
      let snapshot = try image.openSnapshot(name)
      let disk = try snapshot.read(at: 0, count: snapshot.size)
      #expect(disk == (expected.snapshots[name] ?? expected.undecided[name]), "\(name), \(moment)")
    }
    let disk = try image.read(at: 0, count: image.size)
    for sector in stride(from: 0, to: disk.count, by: 512) {
      let bytes = disk[sector..<sector + 512]
      #expect(
        expected.active.contains { $0[sector..<sector + 512] == bytes }, "sector at \(sector), \(moment)")
    }
  }

  @Test(arguments: [UInt64(21), 22, 23, 24]) func killedAtAnyWrite(seed: UInt64) throws {
    let folder = TemporaryFolder()
    let path = folder.file("image.qcow2")
    var random = SeededGenerator(seed: seed)
    let size = 40_960
    try Qcow2Image.create(at: path, size: size, clusterSize: 512, refcountBits: seed % 2 == 0 ? 64 : 16)
    let image = try ImageOpener().openQcow2(path, readOnly: false)
    let expected = Expectation([UInt8](repeating: 0, count: size))
    var disk = expected.active[0]
    var writes = 0
    var tear = SeededGenerator(seed: seed + 1000)
    var failure: (any Error)?
    image.file.beforeWrite = { offset, bytes in
      writes += 1
      // The file as a kill leaves it: before this write, or with a part of it done, in whole sectors.
      do {
        var file = try contents(path)
        let done = tear.below(3) == 0 ? min(bytes.count, tear.below(bytes.count / 512 + 1) * 512) : 0
        if done > 0 {
          if file.count < offset + done { file += [UInt8](repeating: 0, count: offset + done - file.count) }
          file.replaceSubrange(offset..<offset + done, with: bytes[0..<done])
        }
        try expectWhole(folder.write("killed.qcow2", file), expected, "seed \(seed), write \(writes)")
      } catch {
        failure = error
      }
      return 0
    }
    for step in 0..<40 {
      let offset = random.below(size)
      let count = 1 + random.below(min(size - offset, 6000))
      switch random.below(8) {
      case 0...2:
        let bytes = random.bytes(count)
        disk.replaceSubrange(offset..<offset + count, with: bytes)
        expected.active.append(disk)
        try image.write(at: offset, bytes)
      case 3:
        let bytes = random.bytes(count)
        disk.replaceSubrange(offset..<offset + count, with: bytes)
        // Clusters that are packed anew change one by one.
        expected.active.append(disk)
        try bytes.withUnsafeBytes { try image.writeCompressed(at: offset, from: $0, .fast) }
      case 4:
        disk.replaceSubrange(offset..<offset + count, with: repeatElement(0, count: count))
        expected.active.append(disk)
        try image.writeZeroes(at: offset, count: count)
      case 5:
        try image.flush()
        expected.active = [disk]
      case 6:
        let name = "s\(step)"
        let parent = expected.snapshots.keys.sorted().randomElement(using: &random)
        var state = parent.flatMap { expected.snapshots[$0] } ?? disk
        let bytes = random.bytes(count)
        state.replaceSubrange(offset..<offset + count, with: bytes)
        expected.undecided[name] = state
        try image.createSnapshot(name, from: parent.map { .snapshot($0) } ?? .active, vmState: bytes) {
          (writer) throws(DiskImageError) in
          try writer.write(at: offset, bytes, compressed: count % 2 == 0)
        }
        expected.undecided = [:]
        expected.snapshots[name] = state
        expected.active = [disk]
      default:
        guard let name = expected.snapshots.keys.sorted().randomElement(using: &random) else { continue }
        expected.undecided[name] = expected.snapshots.removeValue(forKey: name)
        try image.deleteSnapshot(name)
        expected.undecided = [:]
        expected.active = [disk]
      }
      if let failure { throw failure }
    }
    image.file.beforeWrite = nil
    try image.flush()
    #expect(writes > 50)
    #expect(try image.check().isClean)
    try expectQemuCheckIsClean(path)
  }

  /// Each write in turn fails once, as on a full disk. The operation reports it, and nothing that was there is lost.
  @Test func diskFullAtAnyWrite() throws {
    let folder = TemporaryFolder()
    var failing = 0
    var finished = false
    while !finished {
      let path = folder.file("image.qcow2")
      try Qcow2Image.create(at: path, size: 20_480, clusterSize: 512)
      let image = try ImageOpener().openQcow2(path, readOnly: false)
      let old = [UInt8](repeating: 1, count: 10_000)
      try image.write(at: 0, old)
      try image.createSnapshot("kept", from: .active, vmState: old)
      var count = 0
      var failed = 0
      image.file.beforeWrite = { _, _ in
        count += 1
        // From this write on, the disk stays full for a while.
        guard count > failing, count <= failing + 3 else { return 0 }
        failed += 1
        return ENOSPC
      }
      var errors: [DiskImageError] = []
      func attempt(_ body: () throws(DiskImageError) -> Void) {
        do throws(DiskImageError) { try body() } catch { errors.append(error) }
      }
      attempt { () throws(DiskImageError) in try image.write(at: 3000, [UInt8](repeating: 2, count: 3000)) }
      attempt { () throws(DiskImageError) in try image.flush() }
      attempt { () throws(DiskImageError) in
        try image.createSnapshot("new", from: .snapshot("kept"), vmState: old) {
          (writer) throws(DiskImageError) in
          try writer.write(at: 7000, [UInt8](repeating: 3, count: 2000), compressed: true)
        }
      }
      attempt { () throws(DiskImageError) in try image.flush() }
      finished = failed == 0
      for error in errors {
        #expect(error.kind == .system(ENOSPC) && error.description.contains("No space left"))
      }
      image.file.beforeWrite = nil
      #expect(try image.openSnapshot("kept").read(at: 0, count: 10_000) == old)
      if image.snapshots.count == 2 {
        #expect(try image.openSnapshot("new").read(at: 7000, count: 1) == [3])
      }
      // With room again, everything works.
      try image.write(at: 3000, [UInt8](repeating: 4, count: 3000))
      try image.createSnapshot("later", from: .active)
      try image.flush()
      #expect(try image.check().corruptions == [], "write \(failing)")
      let again = try ImageOpener().openQcow2(path)
      let expected = [UInt8](repeating: 1, count: 3000) + [UInt8](repeating: 4, count: 3000)
      #expect(try again.read(at: 0, count: 6000) == expected)
      #expect(try again.openSnapshot("kept").vmState() == old)
      let checked = try tool("qemu-img", "check", "-U", "-f", "qcow2", path)
      // 3 means leaks and nothing worse.
      #expect(checked.status == 0 || checked.status == 3, "write \(failing): \(checked.output)")
      try FileManager.default.removeItem(atPath: path)
      failing += 1
    }
    #expect(failing > 15)
  }

  @Test func aFileSystemThatIsFull() throws {
    let folder = TemporaryFolder()
    // Only root can mount a small file system; elsewhere the test above stands for this one.
    guard getuid() == 0, try tool("mount", "-t", "tmpfs", "-o", "size=1m", "none", folder.path).status == 0
    else { return }
    defer { _ = try? tool("umount", folder.path) }
    let path = folder.file("image.qcow2")
    try Qcow2Image.create(at: path, size: 8 << 20, clusterSize: 4096)
    let image = try ImageOpener().openQcow2(path, readOnly: false)
    try image.write(at: 0, [UInt8](repeating: 1, count: 600 << 10))
    let error = diskError { try image.write(at: 1 << 20, [UInt8](repeating: 1, count: 4 << 20)) }
    #expect(error?.kind == .system(ENOSPC))
    #expect(error?.description.hasPrefix(path) == true)
    let copy = diskError { try image.export(to: folder.file("copy.raw"), format: .raw) }
    #expect(copy?.kind == .system(ENOSPC))
    #expect(!FileManager.default.fileExists(atPath: folder.file("copy.raw")))
  }
}
