// SPDX-License-Identifier: Apache-2.0

import Emulator
import Testing

/// What flash starts, and what is handed to it.
@Suite struct BootFlashTests {
  private let configuration = MachineConfiguration(memorySize: 64 << 20, hartCount: 1, shift: 0, drives: [])
  private let bank = AttachedStorage.bankSize

  private func plan(_ images: BootImages) throws -> BootPlan {
    var configuration = configuration
    configuration.firmwareFiles = try images.firmwareFiles(memorySize: configuration.memorySize)
    return try BootPlan(images: images, configuration: configuration)
  }

  private func tree(_ plan: BootPlan) -> [UInt8] {
    plan.regions.first { $0.address == plan.deviceTreeAddress }?.bytes ?? []
  }

  @Test func theFirstBankIsTheStageBehindTheFirmware() throws {
    var images = BootImages()
    images.flash = [[1, 2, 3], [4]]
    let plan = try plan(images)
    #expect(plan.start == .builtInSBI(entry: MemoryMap.flash.base))
    #expect(plan.attached.map(\.offset) == [0, bank])
    #expect(plan.attached.allSatisfy { $0.bytes.count == Int(bank) })
    // As if erased behind the file.
    #expect(plan.attached[0].bytes.prefix(5) == [1, 2, 3, 0xff, 0xff])
    images.bios = BootTestFiles.program
    let behindBIOS = try self.plan(images)
    #expect(behindBIOS.start == .machineMode(entry: 0x8000_0004))
    #expect(behindBIOS.nextStageAddress == MemoryMap.flash.base)
  }

  @Test func aKernelIsHandedOverAndNotLoaded() throws {
    let kernel = BootTestFiles.image()
    for file in [kernel, BootTestFiles.gzip(kernel)] {
      var images = BootImages(kernel: file, initrd: [7, 8, 9], commandLine: "quiet")
      images.flash[0] = [1]
      images.randomSeed = [UInt8](repeating: 0xa7, count: 32)
      let files = try images.firmwareFiles(memorySize: 64 << 20)
      #expect(files.kernelSize == UInt64(kernel.count) && files.initrdSize == 3 && files.commandLineSize == 6)
      let plan = try plan(images)
      #expect(plan.regions.count == 1, "the tree alone is in memory")
      #expect(plan.attached.last?.offset == 2 * bank)
      #expect(plan.attached.last?.bytes == kernel + [7, 8, 9] + Array("quiet\0".utf8))
      // What else the tree tells is the same as ever.
      #expect(tree(plan).firstRange(of: Array("quiet\0".utf8)) != nil)
      #expect(tree(plan).firstRange(of: images.randomSeed ?? []) != nil)
    }
  }

  @Test func withoutFirmwareHartsStartInFlashAndTheKernelIsLoaded() throws {
    var images = BootImages(kernel: BootTestFiles.image())
    images.flash[0] = [1]
    images.startsInMachineMode = true
    let plan = try plan(images)
    #expect(plan.start == .machineMode(entry: MemoryMap.flash.base))
    #expect(plan.regions.contains { $0.address == MemoryMap.memoryBase })
    #expect(plan.attached.count == 1)
  }

  @Test func whatCannotBeIsRefused() throws {
    func refuse(_ image: String, _ change: (inout BootImages) -> Void) {
      var images = BootImages()
      images.flash[0] = [1]
      change(&images)
      do {
        _ = try plan(images)
        Issue.record("\(image) is taken")
      } catch let error as BootError {
        guard case .unusable(let name, _) = error else { return }
        #expect(name == image)
      } catch {
        Issue.record("\(error)")
      }
    }
    refuse("pflash") { $0.flash[0] = [] }
    refuse("pflash") { $0.flash[1] = [UInt8](repeating: 0, count: Int(bank) + 1) }
    refuse("initrd") { $0.initrd = [1] }
    refuse("command line") { $0.commandLine = "quiet" }
    refuse("kernel") { $0.kernel = [0x1f, 0x8b, 1, 2, 3] }
  }

  @Test func theTreeNamesBothDevices() throws {
    var images = BootImages()
    images.flash[0] = [1]
    let bytes = tree(try plan(images))
    for name in ["flash@20000000", "cfi-flash", "fw-cfg@10100000", "qemu,fw-cfg-mmio"] {
      #expect(bytes.firstRange(of: Array(name.utf8)) != nil, "\(name)")
    }
    var first = configuration
    first.revision = .first
    let old = try BootPlan(images: BootImages(kernel: BootTestFiles.image()), configuration: first)
    #expect(tree(old).firstRange(of: Array("flash@".utf8)) == nil)
    #expect(tree(old).firstRange(of: Array("fw-cfg".utf8)) == nil)
  }
}
