// SPDX-License-Identifier: Apache-2.0

/// Which device answers at which physical address. RAM is not on it: it has ways of its own.
///
/// Guests look at registers millions of times a second, so the ports lie in raw memory: finding one counts no reference.
final class PhysicalBus {
  /// More than any board has.
  private static let portLimit = 64

  private(set) var devices: [any Device] = []
  private let ports: UnsafeMutablePointer<BusPort>
  private let portCount: UnsafeMutablePointer<Int>

  init() {
    ports = .allocate(capacity: Self.portLimit)
    portCount = .allocate(capacity: 1)
    portCount.initialize(to: 0)
  }

  deinit {
    ports.deinitialize(count: portCount.pointee)
    ports.deallocate()
    portCount.deallocate()
  }

  /// - Parameter acceptsAllSizes: no access is refused, as by machines of the first revision.
  func attach(_ device: some Device, at window: MemoryMap.Window, acceptsAllSizes: Bool) {
    precondition(portCount.pointee < Self.portLimit)
    devices.append(device)
    (ports + portCount.pointee).initialize(
      to: DevicePort(device, at: window, acceptsAllSizes: acceptsAllSizes))
    portCount.pointee += 1
  }

  /// A device that no address leads to: it is reset and saved as the others are.
  func attachWithoutRegisters(_ device: any Device) { devices.append(device) }

  /// Every device that has registers with its window, in the order in which they were attached.
  var map: [(device: any Device, window: MemoryMap.Window)] {
    (0..<portCount.pointee).map { (ports[$0].anyDevice, ports[$0].window) }
  }

  /// Reads `size` bytes at `address`; nil where no device answers.
  @inline(__always)
  func read(_ address: UInt64, size: Int) -> UInt64? {
    guard let port = find(address, size: size) else { return nil }
    return port._withUnsafeGuaranteedRef { $0.read(offset: address &- $0.window.base, size: size) }
  }

  /// Writes `size` bytes at `address`; false where no device answers.
  @inline(__always)
  func write(_ address: UInt64, size: Int, value: UInt64) -> Bool {
    guard let port = find(address, size: size) else { return false }
    return port._withUnsafeGuaranteedRef {
      $0.write(offset: address &- $0.window.base, size: size, value: value)
    }
  }

  /// The byte at `address` as `Device.inspect` has it.
  func inspect(_ address: UInt64) -> UInt8? {
    find(address, size: 1)?._withUnsafeGuaranteedRef {
      $0.anyDevice.inspect(offset: address &- $0.window.base)
    }
  }

  /// The port whose window holds all `size` bytes at `address`.
  @inline(__always)
  private func find(_ address: UInt64, size: Int) -> Unmanaged<BusPort>? {
    for index in 0..<portCount.pointee {
      let window = ports[index].window
      let offset = address &- window.base
      if offset < window.size && window.size &- offset >= UInt64(size) {
        return .passUnretained(ports[index])
      }
    }
    return nil
  }
}
