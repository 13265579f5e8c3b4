// SPDX-License-Identifier: Apache-2.0

import Emulator
import HostSystem

/// Memory of the guest, for other programs.
extension MonitorTarget {
  /// As much is taken at a time from memory that a hart's page tables lead to.
  private static let pieceSize = 1 << 20

  /// Writes guest memory to a file that must not be there yet.
  ///
  /// - Parameter hart: whose virtual address it is; nil: it is a physical one.
  func saveMemory(at address: UInt64, count: UInt64, to path: String, hart: Int?) throws(MonitorError) {
    guard HostFiles.kind(of: path) == nil else {
      throw MonitorError("\(path.printable): exists already; name another file")
    }
    let bytes: [UInt8]? = try perform { run in
      guard count <= run.machine.memory.size else { return nil }
      var bytes: [UInt8] = []
      while bytes.count < Int(count) {
        let place = address &+ UInt64(bytes.count)
        let wanted = min(Self.pieceSize, Int(count) - bytes.count)
        let piece =
          hart.map { run.machine.readMemory(virtual: place, count: wanted, hart: $0) }
          ?? run.machine.readMemory(physical: place, count: wanted)
        bytes += piece
        guard piece.count == wanted else { return nil }
      }
      return bytes
    }
    guard let bytes else {
      let what = "0x" + String(address, radix: 16) + "/" + String(count)
      throw MonitorError("Invalid addr \(what) specified: not all of it is RAM")
    }
    do throws(Failure) {
      try HostFiles.replace(path, with: bytes)
    } catch {
      throw MonitorError(error.description)
    }
  }
}
