// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// What `rrtool inspect --format json` says of a recording, as far as the tests ask.
struct Summary: Decodable {
  struct Run: Decodable {
    let endPosition: UInt64
    let exitStatus: Int?
    let logComplete: Bool
  }
  struct Snapshot: Decodable {
    let name: String
    let position: UInt64
  }
  let run: Run
  let snapshots: [Snapshot]
}

extension Scratch {
  func summary(_ recording: String) throws -> Summary {
    let result = try rrtool("inspect", recording, "summary", "--format", "json")
    try #require(result.status == 0, "inspect: \(result.errors)")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Summary.self, from: Data(result.output))
  }

  /// Records a guest into `name`; insists on its exit status.
  @discardableResult
  func record(
    _ name: String, _ options: String..., input: String = "", status: Int32 = 0
  ) throws -> ProgramResult {
    let result = try rrtool(["record", "-o", path(name)] + options, input: input)
    try #require(result.status == status, "record: \(result.errors)\(result.text.suffix(500))")
    return result
  }

  /// What a view of a recording prints as JSON.
  func report<Report: Decodable>(_ name: String, _ words: [String]) throws -> Report {
    let result = try rrtool(["inspect", path(name)] + words + ["--format", "json"])
    try #require(result.status == 0, "\(words): \(result.errors)")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Report.self, from: Data(result.output))
  }

  /// Records the bank until its books do not balance; a few runs are enough.
  func recordCorruption() throws -> String {
    for run in 1...60 {
      if try rrtool("record", "-o", path("\(run).rr")).status == 1 { return "\(run).rr" }
    }
    Issue.record("no run of the bank has lost interest")
    return ""
  }

  /// Replays a recording; it must end as recorded, with the same console and the same status.
  func expectReplay(
    _ name: String, equals recorded: ProgramResult, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let replayed = try rrtool("replay", path(name))
    #expect(replayed.status == recorded.status, "\(replayed.errors)", sourceLocation: sourceLocation)
    #expect(replayed.output == recorded.output, sourceLocation: sourceLocation)
    #expect(replayed.errors.contains("the same as recorded"), sourceLocation: sourceLocation)
  }

  /// What other people's tools say of a recording's files.
  func expectSoundFiles(_ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let log = try run(["gzip", "--test", "--suffix", ".log", path(name) + "/replay.log"])
    #expect(log.status == 0, "gzip: \(log.errors)", sourceLocation: sourceLocation)
    try expectSoundImages(name, sourceLocation: sourceLocation)
  }

  func expectSoundImages(_ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let images = try FileManager.default.contentsOfDirectory(atPath: path(name)).filter {
      $0.hasSuffix(".qcow2")
    }
    #expect(images.contains("vmstate.qcow2"), sourceLocation: sourceLocation)
    for image in images {
      let check = try run(["qemu-img", "check", path(name) + "/" + image])
      #expect(check.status == 0, "\(image): \(check.text)\(check.errors)", sourceLocation: sourceLocation)
      let chain = try run(["qemu-img", "info", "--backing-chain", path(name) + "/" + image])
      #expect(chain.status == 0, "\(image): \(chain.errors)", sourceLocation: sourceLocation)
    }
  }

  /// The snapshots of an image as qemu-img lists them: name and instruction count.
  func snapshots(of image: String) throws -> [String: UInt64] {
    let result = try run(["qemu-img", "snapshot", "-l", image])
    try #require(result.status == 0, "\(result.errors)")
    var found: [String: UInt64] = [:]
    for line in result.lines.dropFirst(2) {
      let words = line.split(separator: " ")
      if words.count > 2, let count = words.last.flatMap({ UInt64($0) }) { found[String(words[1])] = count }
    }
    return found
  }
}
