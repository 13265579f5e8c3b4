// SPDX-License-Identifier: Apache-2.0

/// Where a device is on the bus. A class with one subclass for each type of device, in place of a protocol's existential: such a
/// call costs no counting of references.
class BusPort {
  let window: MemoryMap.Window

  fileprivate init(window: MemoryMap.Window) { self.window = window }

  var anyDevice: any Device { preconditionFailure("a port without a device") }
  /// Nil when the device refuses such an access.
  func read(offset: UInt64, size: Int) -> UInt64? { preconditionFailure("a port without a device") }
  /// False when the device refuses such an access.
  func write(offset: UInt64, size: Int, value: UInt64) -> Bool {
    preconditionFailure("a port without a device")
  }
}

final class DevicePort<Port: Device>: BusPort {
  private let device: Port
  private let acceptsAllSizes: Bool

  init(_ device: Port, at window: MemoryMap.Window, acceptsAllSizes: Bool) {
    self.device = device
    self.acceptsAllSizes = acceptsAllSizes
    super.init(window: window)
  }

  override var anyDevice: any Device { device }

  override func read(offset: UInt64, size: Int) -> UInt64? {
    guard acceptsAllSizes || device.accepts(offset: offset, size: size) else { return nil }
    return device.read(offset: offset, size: size)
  }

  override func write(offset: UInt64, size: Int, value: UInt64) -> Bool {
    guard acceptsAllSizes || device.acceptsStore(offset: offset, size: size) else { return false }
    device.write(offset: offset, size: size, value: value)
    return true
  }
}
