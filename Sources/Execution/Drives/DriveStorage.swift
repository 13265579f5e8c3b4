// SPDX-License-Identifier: Apache-2.0

import Emulator
import HostSystem

/// What a drive's requests are carried out on. The machine has checked ranges; storage checks them again.
package protocol DriveStorage: AnyObject {
  func read(sector: UInt64, byteCount: Int) throws(Failure) -> [UInt8]
  func write(sector: UInt64, _ data: [UInt8]) throws(Failure)
  func zero(sector: UInt64, sectorCount: UInt64) throws(Failure)
  func flush() throws(Failure)
}

extension DriveStorage {
  /// Carries out `request`; what a read brought, nothing for all else. The same in a recording and in its replay, so
  /// that both see the same bytes.
  package func perform(_ request: BlockRequest) throws(Failure) -> [UInt8] {
    switch request.operation {
    case .read(let byteCount):
      return try read(sector: request.sector, byteCount: byteCount)
    case .write(let data):
      try write(sector: request.sector, data)
    case .flush:
      try flush()
    case .discard(let sectorCount):
      // Discarded sectors read as zeroes, as QEMU's discard=unmap leaves them on qcow2.
      try zero(sector: request.sector, sectorCount: sectorCount)
    case .writeZeroes(let sectorCount, mayUnmap: _):
      try zero(sector: request.sector, sectorCount: sectorCount)
    }
    return []
  }
}
