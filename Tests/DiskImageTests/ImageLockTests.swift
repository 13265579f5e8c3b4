// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Foundation
import TestSupport
import Testing

/// Who may have an image open beside whom: as between QEMU and itself, and with QEMU's own tools.
@Suite struct ImageLockTests {
  private let folder = TemporaryFolder()

  private func image() throws -> String {
    let path = folder.file("image.qcow2")
    try Qcow2Image.create(at: path, size: 1 << 20)
    return path
  }

  @Test func aWriterIsAlone() throws {
    let path = try image()
    do {
      let writer = try ImageOpener().openQcow2(path, readOnly: false)
      #expect(diskError { _ = try ImageOpener().openQcow2(path, readOnly: false) }?.kind == .refused)
      #expect(diskError { _ = try ImageOpener().open(path, sharing: .stable) }?.kind == .refused)
      // A recording's own image can be looked at.
      _ = try ImageOpener().openQcow2(path)
      withExtendedLifetime(writer) {}
    }
    _ = try ImageOpener().openQcow2(path, readOnly: false)
  }

  @Test func readersOfABaseKeepWritersAway() throws {
    let path = try image()
    let one = try ImageOpener().open(path, sharing: .stable)
    let two = try ImageOpener().open(path, sharing: .stable)
    #expect(diskError { _ = try ImageOpener().openQcow2(path, readOnly: false) }?.kind == .refused)
    withExtendedLifetime((one, two)) {}
  }

  @Test func qemuSeesThem() throws {
    let path = try image()
    func qemu(_ words: String...) throws -> Int32 {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = words
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      return process.terminationStatus
    }
    do {
      let writer = try ImageOpener().openQcow2(path, readOnly: false)
      #expect(try qemu("qemu-img", "info", path) != 0)
      #expect(try qemu("qemu-img", "info", "-U", path) == 0)
      withExtendedLifetime(writer) {}
    }
    do {
      let reader = try ImageOpener().open(path, sharing: .stable)
      #expect(try qemu("qemu-img", "info", path) == 0)
      #expect(try qemu("qemu-img", "snapshot", "-c", "now", path) != 0)
      withExtendedLifetime(reader) {}
    }
    #expect(try qemu("qemu-img", "snapshot", "-c", "now", path) == 0)
  }

  @Test func bitmapsStayAndAreMarked() throws {
    let path = try image()
    func shell(_ line: String) throws -> (status: Int32, output: String) {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments = ["-c", line, path]
      let pipe = Pipe()
      process.standardOutput = pipe
      process.standardError = pipe
      try process.run()
      let data = pipe.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }
    let made = try shell(
      "qemu-img bitmap --add --enable \"$0\" follows && qemu-img bitmap --add --disable \"$0\" stands && "
        + "qemu-io -f qcow2 -c 'write -P 3 0 64k' \"$0\"")
    try #require(made.status == 0, "\(made.output)")
    do {
      let image = try ImageOpener().openQcow2(path, readOnly: false)
      #expect(image.outOfDateBitmaps == ["follows"])
      try image.write(at: 1 << 18, [UInt8](repeating: 7, count: 100_000))
      try image.createSnapshot("now", from: .active, metadata: SnapshotMetadata())
      #expect(try image.check().isClean)
      try image.flush()
    }
    let checked = try shell("qemu-img check \"$0\" && qemu-img info --output=json \"$0\"")
    #expect(checked.status == 0, "\(checked.output)")
    let flags = checked.output.split(separator: "\"flags\"").dropFirst().map { $0.prefix { $0 != "]" } }
    #expect(flags.count == 2 && flags.filter { $0.contains("in-use") }.count == 1, "\(checked.output)")
  }
}
