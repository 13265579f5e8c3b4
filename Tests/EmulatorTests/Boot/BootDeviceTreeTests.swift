// SPDX-License-Identifier: Apache-2.0

import Emulator
import Foundation
import TestSupport
import Testing

@Suite struct BootDeviceTreeTests {
  private static let compiler = "/usr/bin/dtc"
  private static let emulator = "/usr/bin/qemu-system-riscv64"

  private func blob(harts: Int, megabytes: UInt64 = 512) throws -> [UInt8] {
    let plan = try BootPlan(
      images: BootImages(kernel: BootTestFiles.image(), commandLine: "console=ttyS0"),
      configuration: MachineConfiguration(
        memorySize: megabytes << 20, hartCount: harts, shift: 0, drives: []))
    return try #require(plan.regions.first { $0.address == plan.deviceTreeAddress }).bytes
  }

  @Test func describesTheBoard() throws {
    let tree = try BootTestTree(blob(harts: 2, megabytes: 6144))
    #expect(tree.cells("/memory@80000000", "reg") == [0, 0x8000_0000, 1, 0x8000_0000])
    #expect(tree.cells("/cpus", "timebase-frequency") == [10_000_000])
    #expect(tree.strings("/chosen", "bootargs") == ["console=ttyS0"])
    #expect(tree.strings("/chosen", "stdout-path") == ["/soc/serial@10000000"])
    #expect(tree["/chosen", "linux,initrd-start"] == nil)
    #expect(tree["/chosen", "rng-seed"] == nil)
    #expect(tree.strings("/aliases", "serial0") == ["/soc/serial@10000000"])
    #expect(
      tree.strings("/cpus/cpu@1", "riscv,isa")
        == [
          "rv64imafdc_zic64b_zicbom_zicbop_zicboz_ziccamoa_ziccif_zicclsm_ziccrse_zicntr_zicsr_zifencei_zihintntl"
            + "_zihintpause_zihpm_zmmul_za64rs_zaamo_zalrsc_zawrs_zfa_zca_zcd_zba_zbb_zbc_zbs_ssccptr_sscounterenw"
            + "_sstc_sstvala_sstvecd_ssu64xl_svadu_svvptc"
        ])
    let names = tree.strings("/cpus/cpu@1", "riscv,isa")?.first?.split(separator: "_").dropFirst().map(
      String.init)
    #expect(
      tree.strings("/cpus/cpu@1", "riscv,isa-extensions") == ["i", "m", "a", "f", "d", "c"] + (names ?? []))
    #expect(tree.cells("/cpus/cpu@1", "riscv,cboz-block-size") == [64])
    #expect(tree.strings("/cpus/cpu@1", "mmu-type") == ["riscv,sv48"])
    #expect(tree.cells("/soc/plic@c000000", "riscv,ndev") == [95])
    #expect(tree.cells("/soc/serial@10000000", "clock-frequency") == [3_686_400])
    #expect(tree.cells("/soc/virtio_mmio@10008000", "interrupts") == [8])
    // Linux names devices in this order.
    let slots = tree.paths.filter { $0.hasPrefix("/soc/virtio_mmio") }
    #expect(slots == slots.sorted() && slots.count == 8)
  }

  @Test(arguments: [1, 8]) func everyHandleNamesItsNode(harts: Int) throws {
    let tree = try BootTestTree(blob(harts: harts))
    let handles = tree.paths.compactMap { tree.cells($0, "phandle") }
    #expect(Set(handles).count == handles.count)
    for (node, numbers) in [("/soc/plic@c000000", [11, 9] as [UInt32]), ("/soc/clint@2000000", [3, 7])] {
      let cells = try #require(tree.cells(node, "interrupts-extended"))
      #expect(cells.count == 4 * harts)
      for (index, number) in zip(0..., stride(from: 0, to: cells.count, by: 2)) {
        #expect(tree.path(ofHandle: cells[number]) == "/cpus/cpu@\(index / 2)/interrupt-controller")
        #expect(cells[number + 1] == numbers[index % 2])
      }
    }
    for hart in 0..<harts {
      let cell = try #require(tree.cells("/cpus/cpu-map/cluster0/core\(hart)", "cpu")?.first)
      #expect(tree.path(ofHandle: cell) == "/cpus/cpu@\(hart)")
    }
    let finisher = try #require(tree.cells("/poweroff", "regmap")?.first)
    #expect(tree.path(ofHandle: finisher) == "/soc/test@100000")
    #expect(tree.cells("/reboot", "regmap") == [finisher])
    for path in tree.paths where tree["\(path)", "interrupts"] != nil {
      let parent = try #require(tree.cells(path, "interrupt-parent")?.first)
      #expect(tree.path(ofHandle: parent) == "/soc/plic@c000000")
    }
  }

  /// U-Boot puts the command line into the tree where it lies, and its own data lie right behind.
  @Test func leavesRoomForABootLoaderAsOpenSBIDoes() throws {
    func room(_ images: BootImages, _ revision: MachineRevision = .current) throws -> Int {
      var configuration = MachineConfiguration(memorySize: 64 << 20, hartCount: 1, shift: 0, drives: [])
      configuration.revision = revision
      let plan = try BootPlan(images: images, configuration: configuration)
      let blob = try #require(plan.regions.first { $0.address == plan.deviceTreeAddress }).bytes
      let tree = try BootTestTree(blob)
      #expect(tree.totalSize == blob.count)
      let used = try #require(Data(blob).lastIndex { $0 != 0 }) + 2
      return blob.count - used
    }
    let kernel = BootImages(kernel: BootTestFiles.image())
    #expect(try room(kernel) == 4096)
    #expect(try room(kernel, .first) == 0)
    #expect(try room(BootImages(bios: [0x13, 0, 0, 0], kernel: BootTestFiles.image())) == 0)
  }

  @Test func storesEachPropertyNameOnce() throws {
    let blob = try blob(harts: 4)
    let tree = try BootTestTree(blob)
    #expect(tree.totalSize == blob.count)
    let names = tree.stringsBlock.dropLast().split(separator: 0, omittingEmptySubsequences: false)
    #expect(Set(names).count == names.count)
    #expect(!names.contains([]))
  }

  /// The same images and configuration give the same bytes, and a harmless change only where it belongs.
  @Test func isAFunctionOfTheConfiguration() throws {
    #expect(try blob(harts: 3) == blob(harts: 3))
    #expect(try blob(harts: 3).count == blob(harts: 3, megabytes: 64).count)
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: compiler)), arguments: [1, 2, 8])
  func passesTheDeviceTreeCompiler(harts: Int) throws {
    try withTemporaryFile { file in
      try Data(blob(harts: harts)).write(to: file)
      let result = try runProgram([Self.compiler, "-I", "dtb", "-O", "dtb", "-o", "/dev/null", file.path])
      #expect(result.status == 0)
      #expect(result.errors == "")
    }
  }

  /// Node by node against the tree of QEMU's board, where both have the node and the property.
  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: emulator)), arguments: [1, 2])
  func agreesWithQEMU(harts: Int) throws {
    let theirs = try withTemporaryFile { file in
      try runProgram([
        Self.emulator, "-M", "virt,dumpdtb=\(file.path)", "-m", "512M", "-smp", "\(harts)", "-bios", "none",
        "-display", "none",
      ])
      return try BootTestTree(Array(Data(contentsOf: file)))
    }
    let ours = try BootTestTree(blob(harts: harts))
    // What the machine has on purpose otherwise: its own extensions, and sources counted without source 0, which
    // is how newer releases of QEMU count.
    let different: Set<String> = [
      "riscv,isa", "riscv,isa-base", "riscv,isa-extensions", "riscv,ndev", "bootargs",
    ]
    // What Debian's dtc asks for and QEMU leaves out, and what QEMU 10 has and 7.2 has not.
    let additional: Set<String> = [
      "#address-cells", "riscv,cbop-block-size", "riscv,cboz-block-size", "riscv,cbom-block-size",
    ]
    for path in ours.paths where path != "/aliases" {
      // Releases from 9.1 on have aliases.
      let node = try #require(theirs.nodes[path], "QEMU has no \(path)")
      for (name, value) in ours.nodes[path] ?? [:] where !different.contains(name) {
        guard let their = node[name] else {
          #expect(additional.contains(name), "QEMU has no \(name) in \(path)")
          continue
        }
        switch name {
        case "phandle": break
        case "interrupt-parent", "regmap", "cpu", "interrupts-extended":
          #expect(
            resolved(ours, path, name) == resolved(theirs, path, name), "\(name) in \(path)")
        default: #expect(value == their, "\(name) in \(path)")
        }
      }
      let missing = Set(node.keys).subtracting(ours.nodes[path]?.keys.map { $0 } ?? [])
      #expect(missing.subtracting(["rng-seed"]).isEmpty, "\(path) lacks \(missing)")
    }
  }

  @Test func holdsTheSeed() throws {
    var images = BootImages(kernel: BootTestFiles.image())
    images.randomSeed = Array(1...32)
    let plan = try BootPlan(
      images: images,
      configuration: MachineConfiguration(memorySize: 64 << 20, hartCount: 1, shift: 0, drives: []))
    #expect(try BootTestTree(#require(plan.regions.last).bytes)["/chosen", "rng-seed"] == Array(1...32))
  }

  /// What is written is read back, and damage is refused or read; it never traps.
  @Test(arguments: 1...4) func readsTrees(seed: UInt64) throws {
    print("seed \(seed)")
    var random = SeededGenerator(seed: seed)
    var images = BootImages(kernel: BootTestFiles.image())
    let configuration = MachineConfiguration(memorySize: 64 << 20, hartCount: 2, shift: 0, drives: [])
    let tree = try #require(BootPlan(images: images, configuration: configuration).regions.last).bytes
    images.deviceTree = tree
    #expect(try BootPlan(images: images, configuration: configuration).regions.last?.bytes == tree)
    for count in stride(from: 0, to: tree.count, by: 7) {
      images.deviceTree = Array(tree.prefix(count))
      #expect(throws: BootError.self) { try BootPlan(images: images, configuration: configuration) }
    }
    for _ in 0..<2000 {
      var damaged = tree
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Bool.random(using: &random) ? 40 : damaged.count
        damaged[Int.random(in: 0..<place, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      images.deviceTree = damaged
      _ = try? BootPlan(images: images, configuration: configuration)
    }
  }

  /// Cells with handles replaced by the paths they stand for; in interrupts-extended every other cell is one.
  private func resolved(_ tree: BootTestTree, _ path: String, _ property: String) -> [String] {
    (tree.cells(path, property) ?? []).enumerated().map { index, cell in
      let isHandle = property != "interrupts-extended" || index % 2 == 0
      return isHandle ? tree.path(ofHandle: cell) ?? "nothing" : "\(cell)"
    }
  }

  private func withTemporaryFile<Value>(_ body: (URL) throws -> Value) throws -> Value {
    let file = FileManager.default.temporaryDirectory.appending(path: "rrtool-\(UUID().uuidString).dtb")
    defer { try? FileManager.default.removeItem(at: file) }
    return try body(file)
  }
}
