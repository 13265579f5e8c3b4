// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// The registers that only the legacy interface has (virtio specification 1.2, section 4.2.4): a queue is one piece of memory, and
/// its place a number of pages.
struct LegacyRegisters: Equatable {
  /// A page is two to this power, as the driver said.
  var pageShift: UInt8 = 0
  /// Of the device's ring, a power of two, for all queues: a driver sets it together with the queue's place.
  var alignment: UInt32 = 4096

  init() {}

  func save(to writer: inout ByteWriter) {
    writer.uint8(pageShift)
    writer.uint32(alignment)
  }

  init(from reader: inout ByteReader) throws(ByteCodingError) {
    let start = reader.offset
    pageShift = try reader.uint8(within: 31, "legacy virtio page size")
    alignment = try reader.uint32()
    guard alignment.nonzeroBitCount == 1 else {
      throw .malformed(offset: start, what: "legacy virtio queue alignment \(alignment)")
    }
  }
}

extension VirtioTransport {
  /// What a register answers where the two interfaces differ; nil where they do not.
  func readLegacyRegister(_ offset: UInt64) -> UInt64? {
    switch offset {
    case Register.deviceFeatures: deviceFeaturesSelect == 0 ? offeredFeatures & 0xffff_ffff : 0
    case Register.queuePageNumber:
      selectedQueue.map { queues[$0].descriptorAddress >> UInt64(legacy.pageShift) & 0xffff_ffff } ?? 0
    case Register.queueReady: 0
    default: nil
    }
  }

  /// Whether that was all there is to a write: the register is one that the two interfaces do not share.
  func writeLegacyRegister(_ offset: UInt64, _ value: UInt32) -> Bool {
    switch offset {
    case Register.driverFeatures:
      // There is no second half. A driver's word counts at once.
      if driverFeaturesSelect == 0 {
        driverFeatures = UInt64(value) & offeredFeatures
        device?.featuresAccepted()
      }
    case Register.guestPageSize:
      let shift = value.trailingZeroBitCount
      legacy.pageShift = shift > 31 ? 0 : UInt8(shift)
    case Register.queueAlignment:
      if value.nonzeroBitCount == 1 { legacy.alignment = value }
    case Register.queuePageNumber: placeQueue(page: value)
    case Register.queueReady, Register.queueDescriptorLow...Register.queueDeviceHigh: break
    default: return false
    }
    return true
  }

  /// Page 0 takes the queue away, and resets the device as well.
  private func placeQueue(page: UInt32) {
    guard page != 0 else { return resetLegacyDevice() }
    guard let selectedQueue else { return }
    do {
      try queues[selectedQueue].place(
        at: UInt64(page) << UInt64(legacy.pageShift), alignment: UInt64(legacy.alignment), in: board.memory)
    } catch { fail() }
  }

  /// As a driver resets the device: what it chose for its own accesses stays.
  func resetLegacyDevice() {
    let kept = (legacy, deviceFeaturesSelect, driverFeaturesSelect)
    reset()
    (legacy, deviceFeaturesSelect, driverFeaturesSelect) = kept
  }
}
