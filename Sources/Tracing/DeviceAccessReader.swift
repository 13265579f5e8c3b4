// SPDX-License-Identifier: Apache-2.0

import Emulator

/// An instruction read or wrote a device's register.
package struct DeviceAccess: Sendable, Equatable {
  package var moment: Moment
  package var hart: Int
  package var programCounter: UInt64
  package var privilege: UInt64
  package var device: String
  /// Physical, and from the start of the device's registers.
  package var address: UInt64
  package var offset: UInt64
  package var byteCount: Int
  package var isStore: Bool
  package var value: UInt64
}

/// Accesses to devices, or to one of them.
package final class DeviceAccessReader: TraceReader {
  private let device: String?
  private var windows: [(name: String, base: UInt64, size: UInt64)] = []
  private var records: [DeviceAccess] = []

  /// - Parameter device: as `info mtree` calls it; nil for all.
  package init(device: String?) { self.device = device }

  package func hear(_ observation: GuestObservation, of machine: Machine) {
    let (address, size, value, isStore): (UInt64, Int, UInt64, Bool)
    switch observation.event {
    case .load(let place, let count, let loaded):
      (address, size, value, isStore) = (place, count, loaded, false)
    case .store(let place, let count, let stored):
      (address, size, value, isStore) = (place, count, stored, true)
    default: return
    }
    if windows.isEmpty { windows = machine.addressMap }
    let window = windows.first { $0.base <= address && address - $0.base < $0.size }
    guard let window, device == nil || device == window.name else { return }
    records.append(
      DeviceAccess(
        moment: observation.moment, hart: observation.hart, programCounter: observation.programCounter,
        privilege: observation.privilege, device: window.name, address: address,
        offset: address - window.base, byteCount: size, isStore: isStore, value: value))
  }

  package func takeRecords() -> [DeviceAccess] {
    defer { records.removeAll(keepingCapacity: true) }
    return records
  }

  package func takeRest() -> [DeviceAccess] { takeRecords() }
}
