// SPDX-License-Identifier: Apache-2.0

/// Which device answers at which physical address. RAM is not on it: it has ways of its own.
struct PhysicalBus {
  private(set) var devices: [any Device] = []
  private var windows: [MemoryMap.Window] = []

  mutating func attach(_ device: any Device, at window: MemoryMap.Window) {
    devices.append(device)
    windows.append(window)
  }

  /// A device that no address leads to: it is reset and saved as the others are.
  mutating func attachWithoutRegisters(_ device: any Device) {
    attach(device, at: MemoryMap.Window(base: 0, size: 0))
  }

  /// Every device that has registers with its window, in the order in which they were attached.
  var map: [(device: any Device, window: MemoryMap.Window)] {
    zip(devices, windows).filter { $0.1.size > 0 }.map { ($0.0, $0.1) }
  }

  /// The device whose window holds all `size` bytes at `address`, and the offset in it.
  func find(_ address: UInt64, size: Int) -> (any Device, UInt64)? {
    for index in windows.indices {
      let offset = address &- windows[index].base
      if offset < windows[index].size && windows[index].size - offset >= UInt64(size) {
        return (devices[index], offset)
      }
    }
    return nil
  }
}
