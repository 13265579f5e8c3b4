// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Read-only memory with the reset vector. Its bytes follow from the boot plan, so they are no state.
package final class BootROM: Device {
  package let name = "rom"
  private let bytes: [UInt8]

  package init(bytes: [UInt8]) { self.bytes = bytes }

  package func read(offset: UInt64, size: Int) -> UInt64 {
    guard offset < UInt64(bytes.count) else { return 0 }
    var value: UInt64 = 0
    for (index, byte) in bytes[Int(offset)...].prefix(size).enumerated() {
      value |= UInt64(byte) << UInt64(index * 8)
    }
    return value
  }

  package func inspect(offset: UInt64) -> UInt8? { UInt8(truncatingIfNeeded: read(offset: offset, size: 1)) }

  package func write(offset: UInt64, size: Int, value: UInt64) {}
  package func reset() {}
  package func save(to writer: inout ByteWriter) {}
  package func restore(from reader: inout ByteReader) throws(ByteCodingError) {}
}
