// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Emulator
import HostSystem
import RecordingStore

/// A disk image as what a drive's requests are carried out on.
package final class ImageStorage: DriveStorage {
  private let image: any BlockImage

  package init(_ image: any BlockImage) { self.image = image }

  package func read(sector: UInt64, byteCount: Int) throws(Failure) -> [UInt8] {
    let offset = try offset(of: sector)
    return try withImageFailures({ () throws(DiskImageError) in
      try image.read(at: offset, count: byteCount)
    })
  }

  package func write(sector: UInt64, _ data: [UInt8]) throws(Failure) {
    let offset = try offset(of: sector)
    try withImageFailures({ () throws(DiskImageError) in try image.write(at: offset, data) })
  }

  package func zero(sector: UInt64, sectorCount: UInt64) throws(Failure) {
    let offset = try offset(of: sector)
    guard sectorCount <= UInt64((image.size - offset) / BlockRequest.sectorSize) else {
      throw outside(sector)
    }
    let count = Int(sectorCount) * BlockRequest.sectorSize
    try withImageFailures({ () throws(DiskImageError) in try image.writeZeroes(at: offset, count: count) }
    )
  }

  package func flush() throws(Failure) {
    try withImageFailures({ () throws(DiskImageError) in try image.flush() })
  }

  private func offset(of sector: UInt64) throws(Failure) -> Int {
    guard sector <= UInt64(image.size / BlockRequest.sectorSize) else { throw outside(sector) }
    return Int(sector) * BlockRequest.sectorSize
  }

  private func outside(_ sector: UInt64) -> Failure {
    Failure(
      .damaged, image.path, "has no sector \(sector)", remedy: "use the image that the machine was made for")
  }
}
