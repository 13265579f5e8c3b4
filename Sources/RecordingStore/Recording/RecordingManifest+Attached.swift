// SPDX-License-Identifier: Apache-2.0

import Emulator

/// What a machine has behind RAM: flash, and what firmware is given.
extension RecordingManifest.Machine {
  package mutating func describeAttached(_ configuration: MachineConfiguration) {
    isFlashReadOnly = configuration.isFlashReadOnly.contains(true) ? configuration.isFlashReadOnly : nil
    let files = configuration.firmwareFiles
    firmwareFiles =
      files.size == 0
      ? nil
      : FirmwareFiles(
        kernelSize: files.kernelSize, initrdSize: files.initrdSize, commandLineSize: files.commandLineSize)
  }

  func attach(to configuration: inout MachineConfiguration) {
    if let isFlashReadOnly { configuration.isFlashReadOnly = isFlashReadOnly }
    guard let files = firmwareFiles else { return }
    configuration.firmwareFiles = .init(
      kernelSize: files.kernelSize, initrdSize: files.initrdSize, commandLineSize: files.commandLineSize)
  }

  /// What is wrong with it; nil when nothing is.
  func findAttachedProblem() -> String? {
    if let banks = isFlashReadOnly, banks.count != AttachedStorage.bankCount {
      return "\(banks.count) banks of flash"
    }
    if let files = firmwareFiles {
      let limit = MachineConfiguration.FirmwareFiles.sizeLimit
      for size in [files.kernelSize, files.initrdSize, files.commandLineSize] where size > limit {
        return "a file of \(size) bytes for firmware"
      }
    }
    return nil
  }
}
