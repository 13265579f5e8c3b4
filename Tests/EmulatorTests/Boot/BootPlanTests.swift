// SPDX-License-Identifier: Apache-2.0

import Emulator
import TestSupport
import Testing

@Suite struct BootPlanTests {
  private static func configuration(megabytes: UInt64, harts: Int = 1) -> MachineConfiguration {
    MachineConfiguration(memorySize: megabytes << 20, hartCount: harts, shift: 0, drives: [])
  }

  private func plan(
    bios: [UInt8]? = nil, kernel: [UInt8]? = nil, initrd: [UInt8]? = nil, commandLine: String = "",
    megabytes: UInt64 = 128
  ) throws(BootError) -> BootPlan {
    try BootPlan(
      images: BootImages(bios: bios, kernel: kernel, initrd: initrd, commandLine: commandLine),
      configuration: Self.configuration(megabytes: megabytes))
  }

  /// The one-line description of the error that must come.
  private func refusal(_ body: () throws -> BootPlan) -> String {
    let error = #expect(throws: BootError.self) { _ = try body() }
    return error.map { "\($0)" } ?? "accepted"
  }

  @Test func placesAFlatBIOSAtTheStartOfMemory() throws {
    let plan = try plan(bios: [1, 2, 3])
    #expect(plan.start == .machineMode(entry: 0x8000_0000))
    #expect(plan.regions.first == BootPlan.Region(address: 0x8000_0000, bytes: [1, 2, 3]))
    #expect(plan.deviceTreeAddress == 0x87e0_0000)
    #expect(plan.regions.last?.address == 0x87e0_0000)
    #expect(plan.nextStageAddress == nil)
    #expect(plan.toHostAddress == nil)
  }

  @Test func loadsAnELFBIOS() throws {
    let plan = try plan(bios: BootTestFiles.program)
    #expect(plan.start == .machineMode(entry: 0x8000_0004))
    #expect(plan.toHostAddress == 0x8000_1000)
    #expect(plan.regions.dropLast().map(\.address) == [0x8000_0000, 0x8000_1000])
    #expect(plan.regions[1].bytes == [1, 2, 3, 4])
  }

  @Test func placesKernelAndInitrdOnTheBuiltInSBI() throws {
    let image = BootTestFiles.image()
    let plan = try plan(kernel: image, initrd: [7, 8, 9], commandLine: "quiet")
    #expect(plan.start == .builtInSBI(entry: 0x8020_0000))
    #expect(plan.bootROM == [])
    #expect(plan.nextStageAddress == nil)
    #expect(plan.regions[0] == BootPlan.Region(address: 0x8020_0000, bytes: image))
    // 64 MiB, half of memory, above the kernel.
    #expect(plan.regions[1] == BootPlan.Region(address: 0x8420_0000, bytes: [7, 8, 9]))
    let tree = try BootTestTree(#require(plan.regions.last).bytes)
    #expect(tree["/chosen", "bootargs"] == Array("quiet\0".utf8))
    #expect(tree["/chosen", "linux,initrd-start"] == [0, 0, 0, 0, 0x84, 0x20, 0, 0])
    #expect(tree["/chosen", "linux,initrd-end"] == [0, 0, 0, 0, 0x84, 0x20, 0, 3])
  }

  /// 512 MiB at most for the initrd, 3 GiB at most for the device tree, as on QEMU.
  @Test func staysLowInALargeMemory() throws {
    let plan = try plan(kernel: BootTestFiles.image(), initrd: [7], megabytes: 8192)
    #expect(plan.regions.map(\.address) == [0x8020_0000, 0xa020_0000, 0xbfe0_0000])
  }

  @Test func placesTheInitrdBehindALargeKernel() throws {
    let plan = try plan(kernel: BootTestFiles.image(imageSize: 100 << 20 | 1), initrd: [7])
    #expect(plan.regions[1].address == 0x8020_0000 + 100 << 20 + 4096)
  }

  @Test func handsTheKernelToAFirmware() throws {
    let plan = try plan(bios: BootTestFiles.program, kernel: BootTestFiles.image())
    #expect(plan.start == .machineMode(entry: 0x8000_0004))
    #expect(plan.nextStageAddress == 0x8020_0000)
    let large = try self.plan(bios: [UInt8](repeating: 1, count: 2 << 20 + 1), kernel: BootTestFiles.image())
    #expect(large.nextStageAddress == 0x8040_0000)
  }

  @Test func loadsAnELFKernelWhereItSays() throws {
    let kernel = BootTestFiles.elf(
      segments: [
        .init(address: 0x8100_0000, virtualAddress: 0xffff_ffc0_0000_0000, bytes: BootTestFiles.code)
      ], entry: 0xffff_ffc0_0000_0000)
    let plan = try plan(kernel: kernel, initrd: [5])
    #expect(plan.start == .builtInSBI(entry: 0x8100_0000))
    #expect(plan.regions.map(\.address) == [0x8100_0000, 0x8500_0000, 0x87e0_0000])
  }

  /// The reset vector as QEMU's board has it, and the numbers it uses.
  @Test func writesTheBootROM() throws {
    let plan = try plan(bios: BootTestFiles.program, kernel: BootTestFiles.image())
    let rom = plan.bootROM
    func doubleword(_ offset: Int) -> UInt64 {
      rom[offset..<offset + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    #expect(rom.count == 88)
    #expect(doubleword(0) == 0x0282_8613_0000_0297)
    #expect(doubleword(8) == 0x0202_b583_f140_2573)
    #expect(doubleword(16) == 0x0002_8067_0182_b283)
    #expect(
      (3..<11).map { doubleword($0 * 8) } == [
        0x8000_0004, plan.deviceTreeAddress, 0x4942_534f, 2, 0x8020_0000, 1, 0, 0,
      ])
  }

  /// `--bios none`: where RAM begins, whatever the file says, as QEMU has it.
  @Test func startsAKernelInMachineMode() throws {
    func plan(_ kernel: [UInt8]) throws -> BootPlan {
      var images = BootImages(kernel: kernel)
      images.startsInMachineMode = true
      return try BootPlan(images: images, configuration: Self.configuration(megabytes: 128))
    }
    let program = try plan(BootTestFiles.program)
    #expect(program.start == .machineMode(entry: 0x8000_0000))
    #expect(program.nextStageAddress == 0x8000_0004)
    #expect(program.toHostAddress == 0x8000_1000)
    for kernel in [BootTestFiles.image(), BootTestFiles.code] {
      let plan = try plan(kernel)
      #expect(plan.start == .machineMode(entry: 0x8000_0000))
      #expect(plan.regions.first?.address == 0x8000_0000)
    }
    let high = BootTestFiles.elf(
      segments: [.init(address: 0x8020_0000, bytes: BootTestFiles.code)], entry: 0x8020_0000)
    #expect(refusal { try plan(high) }.hasPrefix("kernel: it has nothing at 0x80000000"))
  }

  /// A tree that is given is the guest's, but for what the kernel is told.
  @Test func takesATreeThatIsGiven() throws {
    let own = try plan(kernel: BootTestFiles.image(), initrd: [1], commandLine: "old")
    var images = BootImages(kernel: BootTestFiles.image(), initrd: [1, 2], commandLine: "new")
    images.deviceTree = own.regions.last?.bytes
    let configuration = Self.configuration(megabytes: 128)
    let bytes = try #require(BootPlan(images: images, configuration: configuration).regions.last).bytes
    let tree = try BootTestTree(bytes)
    #expect(tree.strings("/chosen", "bootargs") == ["new"])
    #expect(tree.cells("/chosen", "linux,initrd-start") == [0, 0x8420_0000])
    #expect(tree.cells("/chosen", "linux,initrd-end") == [0, 0x8420_0002])
    // What is not said stays.
    images.commandLine = ""
    images.initrd = nil
    let same = try BootPlan(images: images, configuration: configuration).regions.last
    #expect(same?.bytes == own.regions.last?.bytes)
    images.deviceTree = [1, 2, 3]
    #expect(refusal { try BootPlan(images: images, configuration: configuration) }.hasPrefix("dtb: "))
  }

  @Test func saysWhenPCIIsWanted() {
    for (text, isWanted) in [
      ("console=ttyS0 root=/dev/vda", false), ("root=/dev/nvme0n1", true), ("ro pci=noacpi", true),
    ] {
      #expect(BootImages(commandLine: text).asksForPCI == isWanted, "\(text)")
    }
  }

  @Test func refusesWhatDoesNotGoTogether() {
    #expect(refusal { try plan() } == "kernel: nothing to boot; give the guest a --kernel or a --bios")
    #expect(refusal { try plan(bios: []) }.hasPrefix("bios: the file is empty"))
    #expect(refusal { try plan(kernel: []) }.hasPrefix("kernel: the file is empty"))
    #expect(
      refusal { try plan(kernel: BootTestFiles.image(), initrd: []) }.hasPrefix("initrd: the file is empty"))
    #expect(refusal { try plan(bios: [1], initrd: [1]) }.hasPrefix("initrd: no kernel"))
    #expect(refusal { try plan(bios: [1], commandLine: "x") }.hasPrefix("command line: no kernel"))
    #expect(
      refusal { try plan(kernel: BootTestFiles.image(), commandLine: "a\0b") }
        .hasPrefix("command line: it contains a NUL"))
    #expect(refusal { try plan(kernel: Array("#!x".utf8)) }.hasPrefix("kernel: a script"))
    let cut = Array(BootTestFiles.program.prefix(100))
    #expect(refusal { try plan(bios: cut) }.hasPrefix("bios: truncated"))
  }

  @Test func saysHowMuchMemoryIsNeeded() {
    let image = BootTestFiles.image(imageSize: 31 << 20)
    #expect(
      refusal { try plan(kernel: image, megabytes: 32) }
        == "kernel: 31 MiB at 0x80200000 do not lie in RAM, 32 MiB at 0x80000000; start the guest with --memory 64M"
    )
    let initrd = [UInt8](repeating: 1, count: 30 << 20)
    #expect(
      refusal { try plan(kernel: image, initrd: initrd, megabytes: 64) }.hasSuffix(
        "overlap in 64 MiB of RAM; start the guest with --memory 128M"))
    #expect(throws: Never.self) { try plan(kernel: image, initrd: initrd, megabytes: 128) }
    #expect(
      refusal { try plan(bios: [1], megabytes: 2) }.hasSuffix(
        "overlap in 2 MiB of RAM; start the guest with --memory 4M"))
  }

  @Test func saysWhenNoMemoryHelps() {
    for address: UInt64 in [0, 0x7fff_ff00, 0xffff_ffff_0000_0000] {
      let file = BootTestFiles.elf(
        segments: [.init(address: address, bytes: BootTestFiles.code)], entry: address)
      for message in [refusal { try plan(bios: file) }, refusal { try plan(kernel: file) }] {
        #expect(message.contains("do not lie in RAM"), "\(message)")
        #expect(message.hasSuffix("link it for other addresses, or use a smaller one"), "\(message)")
      }
    }
    let file = BootTestFiles.program
    #expect(refusal { try plan(bios: [UInt8](repeating: 1, count: 5000), kernel: file) }.contains("overlap"))
  }

  /// Whatever the sizes and addresses, a plan keeps its promise and a refusal that names a memory size is right.
  @Test(arguments: 1...4) func keepsItsPromises(seed: UInt64) throws {
    print("seed \(seed)")
    var random = SeededGenerator(seed: seed)
    var accepted = 0
    for _ in 0..<500 {
      let megabytes = 2 * UInt64.random(in: 1...256, using: &random)
      let address = 0x8000_0000 + UInt64.random(in: 0...600 << 20, using: &random)
      let elf = BootTestFiles.elf(
        segments: [
          .init(
            address: address, bytes: BootTestFiles.code,
            memorySize: UInt64.random(in: 8...64 << 20, using: &random))
        ], entry: address)
      let image = BootTestFiles.image(imageSize: UInt64.random(in: 0...300 << 20, using: &random))
      let kernel = Bool.random(using: &random) ? image : elf
      let initrd = [UInt8](repeating: 1, count: Int.random(in: 1...100_000, using: &random))
      let images = BootImages(
        bios: Bool.random(using: &random) ? [1, 2, 3] : nil, kernel: kernel,
        initrd: Bool.random(using: &random) ? initrd : nil)
      do throws(BootError) {
        let plan = try BootPlan(images: images, configuration: Self.configuration(megabytes: megabytes))
        accepted += 1
        var end: UInt64 = 0x8000_0000
        for region in plan.regions {
          #expect(region.address >= end)
          end = region.address + UInt64(region.bytes.count)
        }
        #expect(end <= 0x8000_0000 + megabytes << 20)
      } catch {
        let words = "\(error)".split(separator: " ")
        guard let last = words.last, words.dropLast().last == "--memory" else { continue }
        let number = try #require(UInt64(last.dropLast()))
        let enough = last.hasSuffix("G") ? number << 10 : number
        #expect(throws: Never.self) {
          try BootPlan(images: images, configuration: Self.configuration(megabytes: enough))
        }
      }
    }
    #expect(accepted > 50)
  }
}
