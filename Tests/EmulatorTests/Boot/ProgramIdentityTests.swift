// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import Foundation
import TestSupport
import Testing

@Suite struct ProgramIdentityTests {
  private typealias Segment = BootTestFiles.Segment

  private static func note(_ description: [UInt8], name: String = "GNU\0", type: UInt32 = 3) -> [UInt8] {
    func word(_ value: UInt32) -> [UInt8] { Array(BootTestFiles.littleEndian(UInt64(value)).prefix(4)) }
    return word(UInt32(name.utf8.count)) + word(UInt32(description.count)) + word(type) + Array(name.utf8)
      + description
  }

  private static func file(notes: [UInt8]?, code: [UInt8] = BootTestFiles.code) -> [UInt8] {
    var segments = [Segment(address: 0x8000_0000, bytes: code)]
    if let notes { segments.append(Segment(address: 0x8000_0100, bytes: notes, type: 4)) }
    return BootTestFiles.elf(segments: segments, entry: 0x8000_0000)
  }

  @Test func readsTheBuildID() throws {
    let id = (1...20).map { UInt8($0) }
    let plain = try ProgramIdentity(Self.file(notes: Self.note(id)))
    #expect(plain.buildID == id && plain.extents == [.init(address: 0x8000_0000, size: 8)])
    // Behind another note.
    let second = Self.note([9, 9, 9, 9], name: "abcd", type: 1) + Self.note(id)
    #expect(try ProgramIdentity(Self.file(notes: second)).buildID == id)
    #expect(try ProgramIdentity(Self.file(notes: nil)).buildID == nil)
    #expect(ProgramIdentity.buildIDs(in: [0, 0, 0, 0] + Self.note(id) + second) == [id, id])
  }

  /// A note of the C library's, of Linux and of another system, and a dynamic linker.
  @Test func programsOfUsersAreKnown() throws {
    func isForUsers(_ notes: [UInt8]?) throws -> Bool {
      try ProgramIdentity(Self.file(notes: notes)).isForUsers
    }
    let tag: [UInt8] = [0, 0, 0, 0, 4, 0, 0, 0, 15, 0, 0, 0, 0, 0, 0, 0]
    #expect(try isForUsers(Self.note([1, 2, 3, 4]) + Self.note(tag, type: 1)))
    #expect(try !isForUsers(Self.note([1, 2, 3, 4])) && !isForUsers(nil))
    #expect(try !isForUsers(Self.note([1] + tag.dropFirst(), type: 1)))
    #expect(try !isForUsers(Self.note(tag, name: "abc\0", type: 1)))
    let segments = [
      Segment(address: 0x8000_0000, bytes: BootTestFiles.code),
      Segment(address: 0x8000_0100, bytes: Array("/lib/ld.so\0".utf8), type: 3),
    ]
    #expect(try ProgramIdentity(BootTestFiles.elf(segments: segments, entry: 0x8000_0000)).isForUsers)
  }

  /// The bank says which file its debugging information was split off to.
  @Test func namesTheFileWithItsSymbols() throws {
    let file = try readFile(fixture("ledger"))
    let symbols = try readFile(fixture("ledger").replacingOccurrences(of: ".elf", with: ".debug"))
    let identity = try ProgramIdentity(file)
    #expect(identity.debugLink == Zlib.crc32(symbols))
    let split = try ProgramIdentity(symbols)
    #expect(split.debugLink == nil && split.contents == nil && split.extents == identity.extents)
    // Headers, the table of sections and their names, damaged.
    var random = SeededGenerator(seed: 14)
    for _ in 0..<2000 {
      var damaged = file
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place =
          Bool.random(using: &random)
          ? Int.random(in: 16..<64, using: &random)
          : Int.random(in: file.count - 1000..<file.count, using: &random)
        damaged[place] = UInt8.random(in: 0...255, using: &random)
      }
      _ = try? ProgramIdentity(damaged)
    }
  }

  @Test func brokenNotesAreNone() throws {
    let note = Self.note([1, 2, 3, 4])
    for broken in [
      Array(note.dropLast()), BootTestFiles.patch(note, at: 4, [0xff, 0xff, 0xff, 0xff]),
      BootTestFiles.patch(note, at: 4, [0, 0, 0, 0]), BootTestFiles.patch(note, at: 0, [5]), [1, 2, 3], [],
    ] {
      #expect(try ProgramIdentity(Self.file(notes: broken)).buildID == nil)
    }
    // Notes that lie outside the file.
    let whole = Self.file(notes: note)
    for (offset, value) in [(8, UInt64.max), (32, .max), (32, 1 << 40), (8, UInt64(whole.count))] {
      let far = BootTestFiles.patch(whole, at: 64 + 56 + offset, BootTestFiles.littleEndian(value))
      #expect(try ProgramIdentity(far).buildID == nil)
    }
  }

  @Test func whatIsLoadedDecides() throws {
    let plain = try ProgramIdentity(BootTestFiles.program)
    #expect(plain.contents != nil)
    // Stripped: without its table of sections and its symbols.
    var stripped = BootTestFiles.patch(BootTestFiles.program, at: 40, BootTestFiles.littleEndian(0))
    stripped = BootTestFiles.patch(stripped, at: 60, [0, 0, 0, 0])
    #expect(try ProgramIdentity(stripped) == plain)
    let other = BootTestFiles.patch(BootTestFiles.program, at: 64 + 2 * 56, [0x93])
    #expect(try ProgramIdentity(other).contents != plain.contents)
    // The same code elsewhere.
    let moved = try ProgramIdentity(
      BootTestFiles.elf(
        segments: [Segment(address: 0x8020_0000, bytes: BootTestFiles.code)], entry: 0x8020_0000))
    #expect(try moved.contents != ProgramIdentity(Self.file(notes: nil)).contents)
  }

  /// Bytes of a stranger's file: an identity or an error, and nothing else.
  @Test func survivesDamage() {
    var random = SeededGenerator(seed: 13)
    let good = BootTestFiles.program + Self.note([1, 2, 3, 4])
    for _ in 0..<5000 {
      var file = good
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        file[Int.random(in: 16..<file.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if Bool.random(using: &random) {
        file = Array(file.prefix(Int.random(in: 0...file.count, using: &random)))
      }
      do {
        let identity = try ProgramIdentity(file)
        #expect(identity.extents.count <= ProgramIdentity.extentLimit)
      } catch {}
    }
  }
}
