// SPDX-License-Identifier: Apache-2.0

import Foundation
import Inspection
import ReplayLog
import TestSupport
import Testing

/// What is found of the packets in a log.
@Suite struct PacketQueryTests {
  private static let asked = Wire.ethernet(0x0806, Wire.arp(1, Wire.guest, Wire.host), to: Wire.everyone)
  private static let query = Wire.ipv4(
    17, Wire.udp(40000, 53, Wire.dns(Wire.name("a.b") + Wire.words(1, 1))))
  private static let request = Wire.ipv4(
    6, Wire.tcp(49152, 80, flags: 0x18, Array("GET / HTTP/1.1\r\n\r\n".utf8)))
  private static let other = Wire.ethernet(0x88b5, [1], tags: [7])

  /// Frames of two cards, one of them only as a digest, among other events.
  private static func log() throws -> SyntheticLog {
    try SyntheticLog([
      (0, 0, .snapshot(name: "replay_init")),
      (1000, 0, .linkChange(interface: 0, isUp: true)),
      (2000, 0, .frameOutput(LogFrame(interface: 0, content: .bytes(asked)))),
      (2000, 0, .frameInput(LogFrame(interface: 1, content: .bytes(query)))),
      (2500, 0, .consoleOutput(Array("x".utf8))),
      (3000, 1_000_000_000, .frameOutput(LogFrame(interface: 0, content: .bytes(request)))),
      (4000, 1_000_000_000, .frameOutput(LogFrame(interface: 0, content: .digest(0xab, byteCount: 1514)))),
      (5000, 1_000_000_000, .frameInput(LogFrame(interface: 0, content: .bytes(other)))),
      (6000, 1_000_000_000, .linkChange(interface: 1, isUp: false)),
      (6000, 1_000_000_000, .end(.limit)),
    ])
  }

  @Test func theTableTellsWhatPassed() throws {
    let report = PacketQuery().report(of: try Self.log().reader)
    #expect(
      try report.rendered(.table) == """
        Position  Guest time (s)  Card  Way  Source             Destination        Protocol  Bytes  What
           1,000     0.000002000     0                                                              the link is up
           2,000     0.000004000     0  out  52:54:00:12:34:56  ff:ff:ff:ff:ff:ff  ARP          42  who has 10.0.2.2? tell 10.0.2.15
           2,000     0.000004000     1  in   10.0.2.15          10.0.2.2           DNS          63  query 0xbeef A a.b
           3,000     1.000006000     0  out  10.0.2.15          10.0.2.2           HTTP         72  GET / HTTP/1.1
           4,000     1.000008000     0  out                                                  1,514  only its digest is in the log
           5,000     1.000010000     0  in   52:54:00:12:34:56  52:55:0a:00:02:02  VLAN         19  VLAN 7: type 0x88b5, 1 bytes
           6,000     1.000012000     1                                                              the link is down

        """)
  }

  @Test func machineFormatsHoldEveryField() throws {
    let log = try Self.log()
    let lines = try PacketQuery().report(of: log.reader).rendered(.ndjson).split(separator: "\n")
    #expect(lines.count == 7)
    #expect(
      lines[3]
        == #"{"position":3000,"time_ns":1000006000,"interface":0,"direction":"out","source":"10.0.2.15","#
        + #""source_port":49152,"destination":"10.0.2.2","destination_port":80,"protocol":"HTTP","#
        + #""layers":["Ethernet","IPv4","TCP","HTTP"],"byte_count":72,"summary":"GET / HTTP/1.1","#
        + #""source_card":"52:54:00:12:34:56","destination_card":"52:55:0a:00:02:02"}"#)
    #expect(
      lines[4].hasSuffix(
        #""byte_count":1514,"summary":"only its digest is in the log","data_digest":"00000000000000ab"}"#))
    #expect(lines[5].contains(#""vlan":7,"#))
    #expect(
      lines[6]
        == #"{"position":6000,"time_ns":1000012000,"interface":1,"summary":"the link is down","link_up":false}"#
    )
    let events = try EventQuery(kinds: [.frameOutput]).report(of: log.reader).rendered(.ndjson)
    #expect(
      events.contains(#""kind":"frame-output","#) && events.contains(#""data_digest":"00000000000000ab""#))
  }

  @Test func queriesChooseByWhatPacketsAre() throws {
    let log = try Self.log()
    func positions(_ query: PacketQuery) throws -> [Int] {
      try query.report(of: log.reader).rendered(.csv).split(separator: "\r\n").dropFirst()
        .compactMap { Int($0.prefix { $0 != "," }) }
    }
    #expect(try positions(PacketQuery(positions: 2000...3000)) == [2000, 2000, 3000])
    #expect(try positions(PacketQuery(interface: 1)) == [2000, 6000])
    #expect(try positions(PacketQuery(host: PacketAddress(parsing: "10.0.2.2"))) == [2000, 2000, 3000])
    #expect(
      try positions(PacketQuery(host: PacketAddress(parsing: "52:55:0a:00:02:02"))) == [2000, 3000, 5000])
    #expect(try positions(PacketQuery(port: 80)) == [3000])
    #expect(try positions(PacketQuery(layer: .ipv4)) == [2000, 3000])
    #expect(try positions(PacketQuery(layer: .ipv4, limit: 1)) == [2000])
    #expect(try positions(PacketQuery(port: 80, layer: .dns)) == [])
    #expect(try positions(PacketQuery(limit: 0)) == [])
  }

  @Test func chartsAndStatisticsCountThem() throws {
    let log = try Self.log()
    let facts = RecordingFacts(
      path: "run.rr", state: .complete, tool: "1", created: 0, memorySize: 1 << 20, hartCount: 1,
      commandLine: "", images: [], drives: [], snapshots: [], files: [])
    let chart = try RunChart(facts: facts, log: log.reader)
    #expect(chart.lanes.map(\.name) == ["console-output", "net0-in", "net0-out", "net1-in", "idle"])
    let sum: UInt64 = chart.lanes[2].amounts.reduce(0, +)
    #expect(sum == 1628)
    #expect(
      chart.lanes[2].hints.values.sorted() == ["ARP who has 10.0.2.2? tell 10.0.2.15", "HTTP GET / HTTP/1.1"])
    let statistics = try RecordingStatistics(log: log.reader).report.rendered(.ndjson)
    for row in [
      #""interface":0,"input_count":1,"input_bytes":19,"output_count":3,"output_bytes":1628,"link_change_count":1}"#,
      #""interface":1,"input_count":1,"input_bytes":63,"output_count":0,"output_bytes":0,"link_change_count":1}"#,
    ] { #expect(statistics.contains(#"{"section":"interfaces","# + row)) }
  }

  @Test(.enabled(if: Shark.isInstalled, "tshark is not installed: Scripts/set-up tests installs it"))
  func aCaptureHasThemAll() throws {
    let log = try Self.log()
    let shark = try Shark { write in
      try PacketQuery().writeCapture(of: log.reader, application: "rrtool test", to: write)
    }
    #expect(
      try shark.fields([
        "frame.time_epoch", "frame.interface_name", "frame.packet_flags_direction", "frame.len",
        "frame.cap_len",
        "frame.comment",
      ]) == [
        ["0.000004000", "net0", "0x00000002", "42", "42", "position 2000"],
        ["0.000004000", "net1", "0x00000001", "63", "63", "position 2000"],
        ["1.000006000", "net0", "0x00000002", "72", "72", "position 3000"],
        [
          "1.000008000", "net0", "0x00000002", "1514", "0",
          "position 4000|the log has only a digest of its 1514 bytes",
        ],
        ["1.000010000", "net0", "0x00000001", "19", "19", "position 5000"],
      ])
    let part = try Shark { write in
      try PacketQuery(port: 53).writeCapture(of: log.reader, application: "rrtool test", to: write)
    }
    #expect(try part.fields(["frame.comment"]) == [["position 2000"]])
  }
}
