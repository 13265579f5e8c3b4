// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import DiskImage
import Emulator
import Execution
import Foundation
import GuestJobs
import HostSystem
import RecordingStore
import Synchronization

/// Inputs that are right, and that damaged ones are made of.
extension FuzzTarget {
  package func seeds() throws -> [[UInt8]] {
    switch self {
    case .replayLog: [try Self.recorded { try read($0 + "/replay.log") }]
    case .manifest: [try Self.recorded { try read($0 + "/recording.json") }]
    case .packedRecording:
      [
        try Self.recorded { path in
          _ = try Recording(opening: path).pack(to: path + "z", replaces: false)
          return try read(path + "z")
        }
      ]
    case .qcow2: [try Self.recorded { try read($0 + "/vmstate.qcow2") }, try Self.image()]
    case .vmState: [try Self.state().encoded()]
    case .migrationStream: [try Self.migrated()]
    case .executable, .kernelImage: [try Self.fixture("status42"), try Self.fixture("hello")]
    case .debugInformation: [try Self.fixture("ledger", as: "debug")]
    case .deviceTree: [try Self.boardTree()]
    case .debuggerPackets:
      [
        Array(
          """
          qSupported:multiprocess+;xmlRegisters=i386
          QStartNoAckMode
          ?
          Hg2
          g
          p20
          P5=0100000000000000
          m10,20
          M10,4:01020304
          X10,3:abc
          Z0,80000000,4;X6,2200112600000000
          Z2,10,8
          vCont;s:1;c
          bs
          bc
          z0,80000000,4
          qXfer:features:read:target.xml:0,ffff
          qThreadExtraInfo,1
          qRcmd,68656c70
          vKill;1
          """.utf8)
      ]
    case .networkCard: [Self.networkDriver()]
    case .networkFrames: [Self.framesOfAStream()]
    case .packet:
      // An answer of DNS, and one of a router that cannot pass on a packet.
      [
        Self.bytes(
          "52550a00020252540012345608004500007912344000401110300a00020f0a00020200359c4000650000beef"
            + "8180000100030000000003777777076578616d706c6503636f6d0000ff0001c00c000500010000012c000401"
            + "61c010c00c000100010000012c0004c0000207c00c001c00010000012c0010fe800000000000000000000000"
            + "000002"
        ),
        Self.bytes(
          "52550a00020252540012345686dd6000000000303afffe800000000000000000000000000015fe8000000000"
            + "0000000000000000000202000000000005006000000000003bfffe800000000000000000000000000015fe80"
            + "0000000000000000000000000002"
        ),
      ]
    case .jsonStream:
      [
        Array(
          #"{"execute": "qmp_capabilities"} {"execute":"dump-guest-memory","arguments":{"paging":false,"x":[1,-2,3.5e1]},"id":"\#u{e9}\n"}[18446744073709551615]"#
            .utf8)
      ]
    case .humanCommands:
      [
        Array(
          """
          p/x $pc + 4 * (0x10 | ~7) % 3
          x/4xw 0x80000000
          xp /2i $pc
          info migrate
          dump-guest-memory -z -p "a file" 0 4096
          migrate_set_parameter max-bandwidth 32M
          replay_seek 50%
          event:12
          +1_000
          """.utf8)
      ]
    }
  }

  private static func bytes(_ digits: String) -> [UInt8] {
    let digits = Array(digits)
    return stride(from: 0, to: digits.count, by: 2).compactMap {
      UInt8(String(digits[$0...$0 + 1]), radix: 16)
    }
  }

  private static func boardTree() throws -> [UInt8] {
    let guest = try guest()
    let plan = try guest.plan(guest.configuration(drives: []))
    return plan.regions.first { $0.address == plan.deviceTreeAddress }?.bytes ?? []
  }

  /// A recording of a guest that writes a line, as `body` wants it.
  private static func recorded<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.path + "/rrtool-seed-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var guest = Guest(name: "hello", memorySize: 4 << 20, hartCount: 2, shift: 3, sleeps: false)
    guest.use(.bios, try fixture("hello"), from: "hello")
    let path = folder + "/seed.rr"
    let options = Recorder.Options(output: path, digestInterval: 1_000)
    _ = try Recorder(guest, options, inbox: Inbox(), console: NullConsoleOutput()).run(limit: 100_000)
    return try body(path)
  }

  private static func state() throws -> VMState {
    let machine = try PlainRun(guest(), inbox: Inbox(), console: NullConsoleOutput()).machine
    _ = machine.run(until: 1_000)
    return VMState(
      moment: machine.now, machine: machine.saveState(), digests: machine.digests(), nextEvent: 3,
      matchedOutput: 1, pending: [.init(drive: 0, id: 7, data: [1, 2, 3])])
  }

  /// What a guest sends that migrates, paused at its start.
  private static func migrated() throws -> [UInt8] {
    let path = FileManager.default.temporaryDirectory.path + "/rrtool-seed-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let inbox = Inbox()
    let control = RunControl(inbox: inbox, isPaused: true)
    let jobs = GuestJobs(control)
    let isMade = Mutex(false)
    let thread = HostThread {
      guard let run = try? PlainRun(guest(), inbox: inbox, console: NullConsoleOutput(), control: control)
      else { return }
      isMade.withLock { $0 = true }
      _ = run.run()
    }
    while !isMade.withLock({ $0 }) { usleep(1000) }
    try jobs.migrate(to: .file(path))
    control.quit()
    jobs.finish()
    thread.join()
    return try read(path)
  }

  /// A small image with data, compressed data, zeros and two snapshots.
  private static func image() throws -> [UInt8] {
    let path = FileManager.default.temporaryDirectory.path + "/rrtool-seed-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Qcow2Image.create(at: path, size: 1 << 20, clusterSize: 1 << 12)
    let image = try ImageOpener().openQcow2(path, readOnly: false)
    let metadata = SnapshotMetadata(seconds: 1, nanoseconds: 2, vmClock: 3, instructionCount: 4)
    for round in 1...2 {
      try image.write(at: round * 5000, [UInt8](repeating: UInt8(round), count: 9000))
      try image.createSnapshot("s\(round)", from: .empty, metadata: metadata, vmState: [1, 2, 3]) {
        (writer) throws(DiskImageError) in
        try writer.write(at: 0, [UInt8](repeating: 7, count: 1 << 12), compressed: true)
        try writer.writeZeroes(at: 1 << 14, count: 1 << 12)
      }
    }
    try image.flush()
    return try read(path)
  }

  private static func fixture(_ name: String, as kind: String = "elf") throws -> [UInt8] {
    var root = URL(fileURLWithPath: #filePath)
    for _ in 0..<3 { root.deleteLastPathComponent() }
    return try read(root.path + "/fixtures/guests/built/\(name).\(kind)")
  }
}

private func read(_ path: String) throws -> [UInt8] {
  Array(try Data(contentsOf: URL(fileURLWithPath: path)))
}
