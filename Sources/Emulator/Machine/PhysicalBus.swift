/// Which device answers at which physical address. RAM is not on it: it has ways of its own.
struct PhysicalBus {
  private(set) var devices: [any Device] = []
  private var windows: [MemoryMap.Window] = []

  mutating func attach(_ device: any Device, at window: MemoryMap.Window) {
    devices.append(device)
    windows.append(window)
  }

  /// Every device with its window, in the order in which they were attached.
  var map: [(device: any Device, window: MemoryMap.Window)] { Array(zip(devices, windows)) }

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
