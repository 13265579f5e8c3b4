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
    let shark = try Shark { write in
      var capture = try PacketCapture(application: "rrtool test", to: write)
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

  private static func capture(_ frames: [[UInt8]]) throws -> Shark {
    try Shark { write in
      var capture = try PacketCapture(application: "rrtool test", to: write)
      for (number, bytes) in frames.enumerated() {
        try capture.add(
          bytes, of: bytes.count, at: UInt64(number), interface: 0, direction: .input, comments: [])
      }
    }
  }

  @Test func bytesArriveWhole() throws {
    let frames = SampleFrame.all.map(\.bytes)
    let shark = try Self.capture(frames)
    let read = try shark.run(["-T", "jsonraw", "-x"])
    let document = try JSONSerialization.jsonObject(with: Data(read.output))
    let packets = try #require(document as? [[String: Any]])
    let texts = packets.compactMap { packet -> String? in
      let layers = (packet["_source"] as? [String: Any])?["layers"] as? [String: Any]
      return (layers?["frame_raw"] as? [Any])?.first as? String
    }
    #expect(texts == frames.map { $0.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() })
  }

  /// The columns for protocol, source and destination agree, but for words that differ by intent.
  @Test func tsharkCallsFramesTheSame() throws {
    let shark = try Self.capture(SampleFrame.all.map(\.bytes))
    let rows = try shark.fields(["_ws.col.Protocol", "_ws.col.Source", "_ws.col.Destination"])
    #expect(rows.count == SampleFrame.all.count)
    for (row, frame) in zip(rows, SampleFrame.all) {
      #expect(
        row == [frame.foreignName ?? frame.name, frame.source, frame.destination],
        "\(frame.testDescription)")
    }
  }
}
