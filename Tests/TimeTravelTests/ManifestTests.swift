// SPDX-License-Identifier: Apache-2.0

import Emulator
import HostSystem
import RecordingStore
import RunSupport
import TestSupport
import Testing
import TimeTravel

/// Manifests of strangers: each is refused with one line, or is a recording.
@Suite struct ManifestTests {
  private let recorded: RecordedGuest

  init() throws {
    recorded = try RecordedGuest("hello") { _ in [DriveOptions(source: .blank(size: 1 << 20))] }
  }

  private func replaceInManifest(_ old: String, _ new: String) throws {
    let path = recorded.path + "/recording.json"
    let text = String(decoding: try readFile(path), as: UTF8.self)
    #expect(text.contains(old), "the manifest has no \(old)")
    _ = try recorded.folder.write(
      "guest.rr/recording.json", Array(text.replacing(old, with: new, maxReplacements: 1).utf8))
  }

  private func openingFails() throws -> Failure {
    let failure = #expect(throws: Failure.self) { try Recording(opening: recorded.path) }
    let found = try #require(failure)
    #expect(!found.description.contains("\n"))
    #expect(found.description.contains("recording.json"))
    return found
  }

  @Test(arguments: [
    ("\"memorySize\" : 16777216", "\"memorySize\" : 16777217"),
    ("\"memorySize\" : 16777216", "\"memorySize\" : 18446744073709551615"),
    ("\"memorySize\" : 16777216", "\"memorySize\" : -1"),
    ("\"hartCount\" : 1", "\"hartCount\" : 0"), ("\"hartCount\" : 1", "\"hartCount\" : 9"),
    ("\"shift\" : 3", "\"processor\" : \"z80\",\"shift\" : 3"), ("\"shift\" : 3", "\"shift\" : 11"),
    ("\"revision\" : \(MachineRevision.current.rawValue)", "\"revision\" : 99"),
    ("\"revision\" : \(MachineRevision.current.rawValue),", ""),
    ("\"digestInterval\" : 1000000", "\"digestInterval\" : 0"),
    ("\"sectorCount\" : 2048", "\"sectorCount\" : 0"),
    ("\"sectorCount\" : 2048", "\"sectorCount\" : 18446744073709551615"),
    ("\"overlay\" : \"disk0.qcow2\"", "\"overlay\" : \"../../secret\""),
    ("\"overlay\" : \"disk0.qcow2\"", "\"overlay\" : \"recording.json\""),
    ("\"overlay\" : \"disk0.qcow2\"", "\"overlay\" : \"vmstate.qcow2\""),
    ("\"overlay\" : \"disk0.qcow2\"", "\"overlay\" : \"replay.log\""),
    ("\"overlay\" : \"disk0.qcow2\"", "\"overlay\" : \"a\\nb\""),
    ("\"overlay\" : \"disk0.qcow2\"", "\"overlay\" : \"\""),
    ("\"log\" : \"replay.log\"", "\"log\" : \".hidden\""),
    ("\"initialSnapshot\" : \"replay_init\"", "\"initialSnapshot\" : \"-x\""),
    ("\"serial\" : \"rrtool-0\"", "\"serial\" : \"a serial that is far too long\""),
    ("\"address\" : 2147483648,\n        \"length\"", "\"address\" : 2147483647,\n        \"length\""),
    (
      "\"address\" : 2147483648,\n        \"length\"",
      "\"address\" : 18446744073709551615,\n        \"length\""
    ),
    ("\"state\" : \"complete\"", "\"state\" : \"lost\""), ("\"drives\"", "\"derives\""),
    ("\"format\" : \"rrtool recording\"", "\"format\" : \"tar\""), ("{", "["),
  ])
  func aDamagedOneIsRefused(old: String, new: String) throws {
    try replaceInManifest(old, new)
    #expect(try openingFails().kind == .damaged)
  }

  @Test func aNewerFormatIsNamed() throws {
    try replaceInManifest("\"version\" : 4", "\"version\" : 7")
    let failure = try openingFails()
    #expect(failure.kind == .newerFormat)
    #expect(failure.problem.contains("format 7") && failure.problem.contains("rrtool 0.1"))
  }

  @Test func everyTruncationIsRefused() throws {
    let bytes = try readFile(recorded.path + "/recording.json")
    for count in stride(from: 0, to: bytes.count - 2, by: 7) {
      _ = try recorded.folder.write("guest.rr/recording.json", Array(bytes[..<count]))
      #expect(throws: Failure.self, "\(count) bytes") { try Recording(opening: recorded.path) }
    }
  }

  @Test func whatIsMissingIsNamed() throws {
    for name in ["replay.log", "vmstate.qcow2", "disk0.qcow2"] {
      let moved = recorded.path + "/moved"
      try HostFiles.move(recorded.path + "/" + name, to: moved)
      let failure = #expect(throws: Failure.self) { try Timeline(Recording(opening: recorded.path)) }
      #expect(failure?.description.contains(name) == true)
      try HostFiles.move(moved, to: recorded.path + "/" + name)
    }
    _ = try recorded.replay()
    #expect(throws: Failure.self) { try Recording(opening: recorded.folder.file("nothing.rr")) }
    #expect(throws: Failure.self) { try Recording(opening: recorded.folder.path) }
    #expect(throws: Failure.self) { try Recording(opening: recorded.path + "/replay.log") }
  }

  @Test func theLogOfAnotherMachineIsRefused() throws {
    let other = try RecordedGuest("hello")
    let log = try readFile(other.path + "/replay.log")
    _ = try recorded.folder.write("guest.rr/replay.log", log)
    let failure = #expect(throws: Failure.self) { try Timeline(Recording(opening: recorded.path)) }
    #expect(failure?.kind == .damaged)
  }

  @Test func theMemoryOfAnotherMachineIsRefused() throws {
    let other = try RecordedGuest("counter") { _ in [DriveOptions(source: .blank(size: 1 << 20))] }
    let memory = try readFile(other.path + "/vmstate.qcow2")
    _ = try recorded.folder.write("guest.rr/vmstate.qcow2", memory)
    // It is a good image of a good machine; only the run shows that it is not this one.
    #expect(throws: ReplayError.self) { try recorded.replay() }
  }
}
