// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Foundation
import TestSupport
import Testing

/// Random operations on an image and on a plain model of it; QEMU's own tools have the last word.
@Suite struct Qcow2PropertyTests {
  struct Shape: CustomTestStringConvertible {
    let seed: UInt64
    let clusterSize: Int
    let refcountBits: Int
    let size: Int
    let backing: ImageFormat?
    var testDescription: String {
      "seed \(seed), clusters of \(clusterSize), \(refcountBits)-bit counts, \(size) bytes, over \(backing?.rawValue ?? "nothing")"
    }
  }

  static let shapes: [Shape] = [
    Shape(seed: 1, clusterSize: 512, refcountBits: 16, size: 150_016, backing: nil),
    Shape(seed: 2, clusterSize: 512, refcountBits: 64, size: 90_112, backing: .raw),
    Shape(seed: 3, clusterSize: 1024, refcountBits: 8, size: 300_032, backing: .qcow2),
    Shape(seed: 4, clusterSize: 4096, refcountBits: 32, size: 700_416, backing: nil),
    Shape(seed: 5, clusterSize: 4096, refcountBits: 16, size: 500_224, backing: .raw),
    Shape(seed: 6, clusterSize: 65536, refcountBits: 32, size: 2_000_384, backing: .qcow2),
    Shape(seed: 7, clusterSize: 65536, refcountBits: 16, size: 65_024, backing: .raw),
    Shape(seed: 8, clusterSize: 512, refcountBits: 4, size: 40_960, backing: .raw),
    Shape(seed: 9, clusterSize: 2 << 20, refcountBits: 16, size: 5_000_192, backing: nil),
    Shape(seed: 10, clusterSize: 512, refcountBits: 32, size: 1024, backing: .qcow2),
  ]

  struct State {
    var disk: [UInt8]
    var vmState: [UInt8] = []
  }

  @Test(arguments: shapes) func behavesLikePlainBytes(_ shape: Shape) throws {
    let folder = TemporaryFolder()
    var random = SeededGenerator(seed: shape.seed)
    let path = folder.file("image.qcow2")
    // The backing file is shorter than the image in some, longer in others.
    var base = [UInt8](repeating: 0, count: shape.size)
    if let format = shape.backing {
      let count = shape.seed % 2 == 0 ? shape.size / 2 : shape.size + 777
      let bytes = random.bytes(count).map { $0 | 1 }
      base.replaceSubrange(0..<min(count, shape.size), with: bytes.prefix(shape.size))
      let raw = folder.write("base.raw", bytes)
      if format == .qcow2 {
        try ImageOpener().open(raw, format: .raw).export(to: folder.file("base.qcow2"), format: .qcow2)
      }
    }
    try Qcow2Image.create(
      at: path, size: shape.size, clusterSize: shape.clusterSize, refcountBits: shape.refcountBits,
      backing: shape.backing.map { ("base.\($0.rawValue)", $0) })

    var image = try ImageOpener().openQcow2(path, readOnly: false)
    let empty = State(disk: base)
    var active = empty
    var snapshots: [String: State] = [:]
    for step in 0..<120 {
      let offset = random.below(shape.size)
      let longest = random.below(3) == 0 ? shape.size : min(shape.size, 3 * shape.clusterSize)
      let count = 1 + random.below(min(shape.size - offset, longest))
      switch random.below(12) {
      case 0...3:
        let bytes = random.bytes(count)
        try image.write(at: offset, bytes)
        active.disk.replaceSubrange(offset..<offset + count, with: bytes)
      case 4:
        let bytes = random.bytes(count)
        try bytes.withUnsafeBytes { try image.writeCompressed(at: offset, from: $0, .fast) }
        active.disk.replaceSubrange(offset..<offset + count, with: bytes)
      case 5:
        try image.writeZeroes(at: offset, count: count)
        active.disk.replaceSubrange(offset..<offset + count, with: repeatElement(0, count: count))
      case 6, 7:
        let name = "s\(step)"
        var state = active
        var source = SnapshotSource.active
        switch random.below(3) {
        case 0: (state, source) = (empty, .empty)
        case 1:
          if let parent = snapshots.keys.sorted().randomElement(using: &random) {
            (state, source) = (snapshots[parent] ?? empty, .snapshot(parent))
          }
        default: break
        }
        let vmState = random.bytes(random.below(3 * shape.clusterSize))
        state.vmState = vmState
        var changes: [(Int, [UInt8], Bool)] = []
        for _ in 0..<random.below(4) {
          let at = random.below(shape.size)
          changes.append((at, random.bytes(1 + random.below(shape.size - at)), random.below(2) == 0))
        }
        let writes = changes
        let error = creationError(image, name, source, vmState, writes)
        if let error {
          // Counts this narrow run out; the image must not have suffered.
          #expect(error.kind == .limit && shape.refcountBits < 16, "\(error)")
          continue
        }
        for (at, bytes, _) in writes { state.disk.replaceSubrange(at..<at + bytes.count, with: bytes) }
        snapshots[name] = state
      case 8:
        if let name = snapshots.keys.sorted().randomElement(using: &random) {
          try image.deleteSnapshot(name)
          snapshots[name] = nil
        }
      case 9:
        try image.flush()
      case 10:
        try image.flush()
        // The lock goes with the old image.
        try reopen(&image, path)
      default:
        #expect(try image.read(at: offset, count: count) == Array(active.disk[offset..<offset + count]))
      }
    }
    #expect(try image.check().isClean)
    try expectSame(image, active, snapshots)
    try expectQemuCheckIsClean(path)
    try image.flush()
    let copy = folder.file("copy.raw")
    for (name, state) in snapshots {
      try tool(
        "qemu-img", "convert", "-f", "qcow2", "-O", "raw", "-U", "-l", "snapshot.name=\(name)", path, copy)
      #expect(try contents(copy) == state.disk, "QEMU's reading of \(name)")
    }
    try tool("qemu-img", "convert", "-f", "qcow2", "-O", "raw", "-U", path, copy)
    #expect(try contents(copy) == active.disk, "QEMU's reading of the active state")
  }

  private func creationError(
    _ image: Qcow2Image, _ name: String, _ source: SnapshotSource, _ vmState: [UInt8],
    _ writes: [(Int, [UInt8], Bool)]
  ) -> DiskImageError? {
    do throws(DiskImageError) {
      try image.createSnapshot(name, from: source, vmState: vmState) { (writer) throws(DiskImageError) in
        for (at, bytes, compressed) in writes { try writer.write(at: at, bytes, compressed: compressed) }
      }
      return nil
    } catch {
      return error
    }
  }

  private func reopen(_ image: inout Qcow2Image, _ path: String) throws {
    image = try ImageOpener().openQcow2(path)
    image = try ImageOpener().openQcow2(path, readOnly: false)
  }

  private func expectSame(_ image: Qcow2Image, _ active: State, _ snapshots: [String: State]) throws {
    #expect(try image.read(at: 0, count: image.size) == active.disk)
    #expect(Set(image.snapshots.map(\.name)) == Set(snapshots.keys))
    for (name, state) in snapshots {
      let snapshot = try image.openSnapshot(name)
      #expect(try snapshot.read(at: 0, count: snapshot.size) == state.disk, "disk of \(name)")
      #expect(try snapshot.vmState() == state.vmState, "vm state of \(name)")
    }
  }
}
