// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Debian's tshark, with a file for it.
final class Shark {
  static let isInstalled = FileManager.default.isExecutableFile(atPath: "/usr/bin/tshark")

  private let folder = TestFolder()
  var path: String { folder.file("run.pcapng") }

  /// Has `body` write a capture.
  init(_ body: (@escaping ([UInt8]) -> Void) throws -> Void) throws {
    final class Pieces { var bytes: [UInt8] = [] }
    let pieces = Pieces()
    try body { pieces.bytes += $0 }
    _ = try folder.write("run.pcapng", pieces.bytes)
  }

  /// Nothing is put together from several packets, as it is not by us.
  func run(_ options: [String]) throws -> ProgramResult {
    let preferences = [
      "tcp.desegment_tcp_streams", "ip.defragment", "ipv6.defragment", "http.desegment_body",
    ]
    let result = try runProgram(
      ["tshark", "-n", "-r", path] + preferences.flatMap { ["-o", "\($0):FALSE"] } + options)
    try #require(result.status == 0, "\(result.errors)")
    return result
  }

  func fields(_ names: [String]) throws -> [[String]] {
    let result = try run(
      ["-T", "fields", "-E", "separator=/t", "-E", "aggregator=|"] + names.flatMap { ["-e", $0] })
    return result.text.split(separator: "\n").map {
      $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    }
  }
}
