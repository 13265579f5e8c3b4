// SPDX-License-Identifier: Apache-2.0

import Foundation
import Inspection
import TestSupport
import Testing

/// What PacketCapture writes, as tshark reads it; and whether both give the same names to the same frames.
@Suite(
  .enabled(if: Shark.isInstalled, "tshark is not installed: Scripts/set-up tests installs it"))
struct PacketCaptureTests {
  @Test func everythingOfAPacketIsRead() throws {
    let shark = Shark()
    try shark.write { capture in
      let long = Wire.ipv4(17, Wire.udp(4000, 5000, [UInt8](repeating: 7, count: 60_001)))
      try capture.add(
        long, of: long.count, at: 5, interface: 1, direction: .input, comments: ["position 77", "second"])
      try capture.add(
        [1, 2, 3], of: 3, at: 1_000_000_007, interface: 0, direction: .output, comments: ["position 78"])
      try capture.add(
        [], of: 1514, at: 1 << 40 + 9, interface: 1, direction: .output, comments: ["position 79"])
    }
    let fields = [
      "frame.time_epoch", "frame.interface_name", "frame.interface_description",
      "frame.packet_flags_direction",
      "frame.len", "frame.cap_len", "frame.comment",
    ]
    #expect(
      try shark.fields(fields) == [
        [
          "0.000000005", "net1", "network card 1 of the guest", "0x00000001", "60043", "60043",
          "position 77|second",
        ],
        ["1.000000007", "net0", "network card 0 of the guest", "0x00000002", "3", "3", "position 78"],
        ["1099.511627785", "net1", "network card 1 of the guest", "0x00000002", "1514", "0", "position 79"],
      ])
    let infos = try runProgram(["capinfos", shark.path]).text
    #expect(infos.contains("Capture application: rrtool test\n"), "\(infos)")
  }

  @Test func bytesArriveWhole() throws {
    let shark = Shark()
    let frames = SampleFrame.all.map(\.bytes)
    try shark.write { capture in
      for (number, bytes) in frames.enumerated() {
        try capture.add(
          bytes, of: bytes.count, at: UInt64(number), interface: 0, direction: .input, comments: [])
      }
    }
    let read = try shark.run(["-T", "jsonraw", "-x"])
    let packets = try #require(try JSONSerialization.jsonObject(with: Data(read.output)) as? [[String: Any]])
    let texts = packets.compactMap { packet -> String? in
      let layers = (packet["_source"] as? [String: Any])?["layers"] as? [String: Any]
      return (layers?["frame_raw"] as? [Any])?.first as? String
    }
    #expect(texts == frames.map { $0.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() })
  }

  /// The columns for protocol, source and destination agree, but for words that differ by intent.
  @Test func tsharkCallsFramesTheSame() throws {
    let shark = Shark()
    try shark.write { capture in
      for (number, frame) in SampleFrame.all.enumerated() {
        try capture.add(
          frame.bytes, of: frame.bytes.count, at: UInt64(number), interface: 0, direction: .input,
          comments: [])
      }
    }
    let rows = try shark.fields(["_ws.col.Protocol", "_ws.col.Source", "_ws.col.Destination"])
    #expect(rows.count == SampleFrame.all.count)
    for (row, frame) in zip(rows, SampleFrame.all) {
      #expect(
        row == [frame.foreignName ?? frame.name, frame.source, frame.destination],
        "\(frame.testDescription)")
    }
  }
}

/// Debian's tshark, and a file for it.
private final class Shark {
  static let isInstalled = FileManager.default.isExecutableFile(atPath: "/usr/bin/tshark")

  private let folder = TestFolder()
  var path: String { folder.file("run.pcapng") }

  func write(_ body: (inout PacketCapture) throws -> Void) throws {
    final class Pieces { var bytes: [UInt8] = [] }
    let pieces = Pieces()
    var capture = try PacketCapture(application: "rrtool test") { pieces.bytes += $0 }
    try body(&capture)
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
