// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Flash and what starts from it, by the rules of QEMU 10: what is in the first bank is the stage behind the firmware, and a kernel
/// that is given beside it is not loaded but handed over (fw_cfg). Without firmware the harts start in flash.
extension BootImages {
  var startsBehindFirmware: Bool { flash[0] != nil && !startsInMachineMode }

  /// The images that are put into memory.
  var inMemory: BootImages {
    var images = self
    if startsBehindFirmware {
      images.kernel = nil
      images.initrd = nil
    }
    return images
  }

  /// What firmware is given to read.
  ///
  /// - Parameter memorySize: the guest's RAM: compressed kernels unpack to as much.
  public func firmwareFiles(memorySize: UInt64) throws(BootError) -> MachineConfiguration.FirmwareFiles {
    let files = try handedOver(memorySize: memorySize)
    return .init(
      kernelSize: UInt64(files.kernel.count), initrdSize: UInt64(files.initrd.count),
      commandLineSize: UInt64(files.commandLine.count))
  }

  /// What lies behind RAM: the banks of flash, then the files.
  func attachedParts(memorySize: UInt64) throws(BootError) -> [BootPlan.AttachedPart] {
    var parts: [BootPlan.AttachedPart] = []
    for (bank, bytes) in flash.enumerated() {
      guard let bytes else { continue }
      guard bytes.count <= AttachedStorage.bankSize else {
        throw .unusable(
          image: "pflash",
          reason: "\(readableSize(UInt64(bytes.count))) do not fit into a bank of flash, which has 32 MiB; "
            + "use a smaller image")
      }
      // A bank is as if erased where its file ends.
      let rest = [UInt8](repeating: 0xff, count: Int(AttachedStorage.bankSize) - bytes.count)
      parts.append(.init(offset: UInt64(bank) * AttachedStorage.bankSize, bytes: bytes + rest))
    }
    let files = try handedOver(memorySize: memorySize)
    let all = files.kernel + files.initrd + files.commandLine
    if !all.isEmpty { parts.append(.init(offset: AttachedStorage(hasFlash: true).flashSize, bytes: all)) }
    return parts
  }

  private func handedOver(
    memorySize: UInt64
  ) throws(BootError) -> (kernel: [UInt8], initrd: [UInt8], commandLine: [UInt8]) {
    guard startsBehindFirmware, var kernel else { return ([], [], []) }
    if let compression = KernelImage.Compression(of: kernel) {
      do throws(ImageFormatError) {
        kernel = try compression.unpack(kernel[...], limit: memorySize)
      } catch {
        throw .unusable(image: "kernel", reason: error.reason)
      }
    }
    let size = UInt64(kernel.count) + UInt64(initrd?.count ?? 0)
    guard size <= MachineConfiguration.FirmwareFiles.sizeLimit else {
      let limit = readableSize(MachineConfiguration.FirmwareFiles.sizeLimit)
      throw .unusable(
        image: "kernel",
        reason:
          "it and the initrd are more than \(limit), which is what firmware can be given; use smaller ones")
    }
    return (kernel, initrd ?? [], Array(commandLine.utf8) + [0])
  }
}
