// SPDX-License-Identifier: Apache-2.0

extension MachineConfiguration {
  /// What the machine's memory has behind RAM.
  package var attachedStorage: AttachedStorage {
    revision.hasFirmwareDevices
      ? AttachedStorage(hasFlash: true, firmwareSize: firmwareFiles.size) : AttachedStorage()
  }

  /// Bytes of RAM and of what lies behind it: what snapshots hold.
  public var memoryImageSize: UInt64 { memorySize + attachedStorage.size }
}
