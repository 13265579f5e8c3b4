// SPDX-License-Identifier: Apache-2.0

import Emulator
import Foundation
import TestSupport
import Testing

/// The plan against what QEMU's board holds in memory before its first instruction, for the same files.
@Suite struct BootQEMUTests {
  private static let emulator = "/usr/bin/qemu-system-riscv64"

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: emulator)))
  func agreesOnTheBootROMAndEveryAddress() throws {
    // The entry point is the lowest address: releases of QEMU before 8 start there whatever the file says. And the
    // initrd goes to half of 256 MiB: they have a lower limit for its distance than later ones.
    let firmware = BootTestFiles.elf(
      segments: [
        .init(address: 0x8000_0000, bytes: BootTestFiles.code),
        .init(address: 0x8000_1000, bytes: [1, 2, 3]),
      ], entry: 0x8000_0000)
    let images = BootImages(
      bios: firmware, kernel: BootTestFiles.image(), initrd: Array("initrd".utf8),
      commandLine: "a b")
    let plan = try BootPlan(
      images: images,
      configuration: MachineConfiguration(memorySize: 256 << 20, hartCount: 1, shift: 0, drives: []))
    let kernel = try #require(plan.nextStageAddress)
    let initrd = try #require(plan.regions.first { $0.bytes == images.initrd }).address
    let bios = plan.regions.prefix(2)
    let theirs = try memory(
      of: images,
      at: [(0x1000, 88), (kernel, 256), (initrd, 6), (plan.deviceTreeAddress, 1 << 16)]
        + bios.map { ($0.address, $0.bytes.count) })
    #expect(theirs[0] == plan.bootROM)
    #expect(theirs[1] == images.kernel)
    #expect(theirs[2] == images.initrd)
    for (region, bytes) in zip(bios, theirs[4...]) { #expect(bytes == region.bytes) }

    let theirTree = try BootTestTree(theirs[3])
    let ourTree = try BootTestTree(#require(plan.regions.last).bytes)
    #expect(ourTree["/chosen", "bootargs"] == theirTree["/chosen", "bootargs"])
    for name in ["linux,initrd-start", "linux,initrd-end"] {
      // Releases of QEMU differ in the number of cells.
      #expect(
        try #require(ourTree.cells("/chosen", name)).last == #require(theirTree.cells("/chosen", name)).last)
    }
  }

  /// Starts QEMU with the images, stopped, and takes parts of its memory.
  private func memory(of images: BootImages, at ranges: [(address: UInt64, count: Int)]) throws -> [[UInt8]] {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rrtool-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (name, bytes) in [("bios", images.bios), ("kernel", images.kernel), ("initrd", images.initrd)] {
      try Data(bytes ?? []).write(to: folder.appending(path: name))
    }
    let commands = ranges.enumerated().map { index, range in
      "pmemsave \(range.address) \(range.count) \"part\(index)\"\n"
    }
    try runProgram(
      [
        Self.emulator, "-M", "virt", "-m", "256M", "-S", "-display", "none", "-serial", "null", "-monitor",
        "stdio", "-bios", "bios", "-kernel", "kernel", "-initrd", "initrd", "-append", images.commandLine,
      ], input: Array((commands.joined() + "quit\n").utf8), folder: folder.path)
    return try ranges.indices.map { try Array(Data(contentsOf: folder.appending(path: "part\($0)"))) }
  }
}
