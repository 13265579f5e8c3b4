// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import DiskImage
import Emulator
import Execution
import GuestJobs
import HostSystem
import RecordingStore
import ReplayLog

/// Parsers of what a recording is made of.
extension FuzzTarget {
  static func readLog(_ bytes: [UInt8]) throws {
    try withFile(of: bytes) { path in
      let log = try ReplayLogReader(opening: path)
      let cursor = log.makeCursor()
      while try cursor.next() != nil {}
      try cursor.seek(toEvent: log.eventCount / 2)
      _ = try cursor.next()
    }
  }

  static func readManifest(_ bytes: [UInt8]) throws {
    _ = try Recording.decode(bytes, file: "recording.json")
  }

  static func readPackedRecording(_ bytes: [UInt8]) throws {
    try withFile(of: bytes) { path in
      let reader = try PackReader(path)
      let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 16)
      defer { room.deallocate() }
      // A sparse stranger may say that it has any size: what is read of one entry is bounded as is the time for it.
      while let entry = try reader.next(), entry.size < 1 << 24 {
        while try reader.read(into: room) > 0 {}
      }
    }
  }

  static func readImage(_ bytes: [UInt8]) throws {
    try withFile(of: bytes) { path in
      let opener = ImageOpener { (_) throws(DiskImageError) in .none }
      let image = try opener.openQcow2(path)
      func visit(_ image: any BlockImage) throws {
        for offset in stride(from: 0, to: min(image.size, 1 << 22), by: 1 << 16) {
          _ = try? image.read(at: offset, count: min(1 << 16, image.size - offset))
        }
      }
      try visit(image)
      for name in image.snapshots.map(\.name).prefix(8) {
        let snapshot = try image.openSnapshot(name)
        try visit(snapshot)
        _ = try? snapshot.vmState(maximumSize: 1 << 22)
      }
    }
  }

  /// The state's own digest is set right, so that what stands behind it is reached.
  static func readVMState(_ bytes: [UInt8]) throws {
    guard bytes.count > 8 else { return }
    var bytes = bytes
    let digest = bytes.withUnsafeBytes {
      Digest.of(UnsafeRawBufferPointer(rebasing: $0[..<(bytes.count - 8)]))
    }
    for index in 0..<8 {
      bytes[bytes.count - 8 + index] = UInt8(truncatingIfNeeded: digest >> UInt64(8 * index))
    }
    let state = try VMState(decoding: bytes, file: "vmstate", snapshot: "it")
    let machine = try PlainRun(guest(), inbox: Inbox(), console: NullConsoleOutput()).machine
    try machine.restoreState(state.machine)
    _ = machine.run(until: machine.now.position &+ 1000)
  }

  static func receiveMigration(_ bytes: [UInt8]) throws {
    try withFile(of: bytes) { path in
      let run = try PlainRun(guest(), inbox: Inbox(), console: NullConsoleOutput(), incoming: .file(path))
      try run.receive()
      _ = run.machine.run(until: run.machine.now.position &+ 1000)
    }
  }

  /// The guest of states and migrations: small, two harts, no drive.
  static func guest() throws -> Guest {
    var guest = Guest(name: "fuzz", memorySize: 4 << 20, hartCount: 2, shift: 3, sleeps: false)
    // A jump to itself.
    guest.use(.bios, [0x6f, 0, 0, 0], from: "fuzz")
    return guest
  }
}
