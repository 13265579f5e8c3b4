// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The package `qemu.qmp`, as QEMU's users have it, talks to rrtool.
@Suite(
  .enabled(
    if: QMPPackage.python != nil,
    "qemu.qmp is not installed: Scripts/set-up tests puts it into .scratch/python"))
struct QMPPackageTests {
  private static let script = Place.project.appending(path: "Tests/EndToEndTests/qmp_session.py").path

  /// What the script told, all objects put together.
  private func drive(
    _ scratch: Scratch, _ kind: String, _ socket: String, _ argument: String
  ) throws -> [String: Any] {
    let python = try #require(QMPPackage.python)
    let result = try scratch.run([python, Self.script, kind, socket, argument])
    try #require(result.status == 0, "\(result.errors)")
    var told: [String: Any] = [:]
    for line in result.lines {
      let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      told.merge(object) { $1 }
    }
    return told
  }

  @Test(arguments: ["run", "record"]) func controlsAGuest(verb: String) throws {
    let scratch = try Scratch()
    let socket = scratch.path("m.sock")
    let target = verb == "record" ? ["-o", scratch.path("run.rr")] : []
    let program = try scratch.start(
      [Place.tool.path, verb] + target + [
        "--bios", Place.guest("echo"), "--memory", "64M", "--qmp", "unix:" + socket,
      ])
    let told = try drive(scratch, "live", socket, scratch.folder.path)
    #expect((told["status"] as? [String: Any])?["running"] as? Bool == true)
    #expect((told["stopped"] as? [String: Any])?["status"] as? String == "paused")
    #expect(told["has_time"] as? Bool == true)
    #expect((told["unknown"] as? [String: Any])?["class"] as? String == "CommandNotFound")
    #expect(
      (told["formats"] as? [String: Any])?["formats"] as? [String] == ["elf", "kdump-zlib", "kdump-raw-zlib"])
    #expect(told["dump"] as? String == "completed")
    #expect(told["query"] as? String == "completed")
    #expect(((told["exists"] as? [String: Any])?["desc"] as? String)?.contains("core") == true)
    #expect(
      ((told["busy"] as? [String: Any])?["desc"] as? String)?.contains("a dump is being written") == true)
    #expect(told["cancelled"] as? String == "failed")
    #expect((told["error"] as? String)?.contains("cancelled") == true)
    #expect(told["after"] as? String == "running")
    #expect((told["shutdown"] as? [String: Any])?["guest"] as? Bool == false)
    let result = try program.waitForResult()
    #expect(result.status == 0, "\(result.errors)")
    let names = try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path)
    #expect(names.contains("core") && !names.contains { $0.contains("cancelled") }, "\(names)")
    let core = try scratch.run(["file", "--brief", scratch.path("core")])
    #expect(core.status != 0 || core.text.contains("core file"), "\(core.text)")
    if verb == "record" { try scratch.expectReplay("run.rr", equals: result) }
  }

  /// A guest goes on in another rrtool: its console is the one of a guest that was never moved.
  @Test func movesAGuest() throws {
    let scratch = try Scratch()
    let options = ["run", "--bios", Place.guest("echo"), "--memory", "64M"]
    let source = try scratch.start([Place.tool.path] + options + ["--qmp", "unix:" + scratch.path("m.sock")])
    let destination = try scratch.start(
      [Place.tool.path] + options + [
        "--incoming", "unix:" + scratch.path("in.sock"), "--qmp", "unix:" + scratch.path("to.sock"),
      ])
    try source.wait(for: "quit ends")
    try source.type("before\r")
    try source.wait(for: "BEFORE\r\n")
    try waitUntil("it waits for the guest") {
      FileManager.default.fileExists(atPath: scratch.path("in.sock"))
    }
    let told = try drive(scratch, "migrate", scratch.path("m.sock"), scratch.folder.path)
    #expect(told["waiting"] as? String == "inmigrate")
    #expect(told["waiting_harts"] as? Int == 1)
    #expect(((told["no_dump"] as? [String: Any])?["desc"] as? String)?.contains("is being migrated") == true)
    #expect(told["source"] as? [String] == ["setup", "active", "STOP", "device", "completed"])
    #expect(told["destination"] as? [String] == ["active", "device", "RESUME", "completed"])
    #expect(told["after"] as? String == "postmigrate")
    #expect(told["arrived"] as? String == "running")
    #expect(told["query"] as? String == "completed")
    #expect(told["remaining"] as? Int == 0 && told["total"] as? Int == (64 + 64) << 20, "RAM and flash")
    let first = try source.waitForResult()
    #expect(first.status == 0, "\(first.errors)")
    try destination.type("after\rquit\r")
    let second = try destination.waitForResult()
    #expect(second.status == 0, "\(second.errors)")
    // What the guest prints that is never moved.
    let whole = "echo: type lines, quit ends\r\nBEFORE\r\nAFTER\r\necho: 18 bytes, 2 lines\r\n"
    #expect(first.text + second.text == whole)
  }

  @Test func controlsAReplay() throws {
    let scratch = try Scratch()
    let socket = scratch.path("m.sock")
    try scratch.record("run.rr", "--bios", Place.guest("counter"), "--memory", "16M")
    let program = try scratch.start([
      Place.tool.path, "replay", scratch.path("run.rr"), "--paused", "--qmp", "unix:" + socket,
    ])
    let told = try drive(scratch, "replay", socket, "2000000")
    #expect((told["start"] as? [String: Any])?["mode"] as? String == "play")
    #expect(told["there"] as? Int == 2_000_000)
    #expect(told["beyond"] as? Int == 2_001_000)
    #expect(told["same"] as? Bool == true)
    #expect((told["refused"] as? [String: Any])?["class"] as? String == "GenericError")
    #expect(try program.waitForResult().status == 0)
  }
}

private enum QMPPackage {
  static let python = PythonPackages.interpreter(having: "qemu/qmp/__init__.py")
}
