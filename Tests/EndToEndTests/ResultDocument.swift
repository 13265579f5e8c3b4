// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// What `--result` and `--format json` tell.
struct ResultDocument: Decodable {
  struct Result: Decodable {
    let command: String
    let end: String
    let statusOf: String
    let exitStatus: Int32
    let guestStatus: UInt32?
    let signal: Int32?
    let position: UInt64?
    let hostSeconds: Double
    let recording: String?
    let recordedEnd: String?
    let isSame: Bool?
    let isStopOnMet: Bool?
    let round: Int?
    let consoleTail: String?
    let message: String?
    let errors: [String]?
  }
  struct Digest: Decodable, Equatable {
    let component: String
    let digest: String
  }
  let result: Result
  let digests: [Digest]

  init(_ bytes: some Sequence<UInt8>) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    self = try decoder.decode(Self.self, from: Data(bytes))
  }
}

extension Scratch {
  /// Runs rrtool with `--result`, and checks that the status told is the one it ended with.
  func result(
    _ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> (program: ProgramResult, told: ResultDocument.Result, digests: [ResultDocument.Digest]) {
    let program = try rrtool(arguments + ["--result", path("result.json")])
    let document = try ResultDocument(try bytes("result.json"))
    #expect(document.result.exitStatus == program.status, "\(arguments)", sourceLocation: sourceLocation)
    #expect(document.result.command == arguments[0], sourceLocation: sourceLocation)
    return (program, document.result, document.digests)
  }

  func result(
    _ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> (program: ProgramResult, told: ResultDocument.Result, digests: [ResultDocument.Digest]) {
    try result(arguments, sourceLocation: sourceLocation)
  }

  /// One that never ends, and is not lost: it counts.
  func busyProgram() throws -> String { try program(0x0012_8293, 0xffdf_f06f) }

  /// A flat program.
  func program(_ words: UInt32...) throws -> String {
    let name = words.map { String($0, radix: 16) }.joined(separator: "-") + ".bin"
    return try file(
      name, words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } })
  }
}
