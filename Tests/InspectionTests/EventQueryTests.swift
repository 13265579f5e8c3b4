// SPDX-License-Identifier: Apache-2.0

import Foundation
import Inspection
import ReplayLog
import Testing

@Suite struct EventQueryTests {
  private func numbers(_ query: EventQuery, _ log: SyntheticLog) throws -> [UInt64] {
    var numbers: [UInt64] = []
    try query.forEach(in: log.reader) { numbers.append($0.number) }
    return numbers
  }

  @Test func queriesChooseByKindPlaceAndNumber() throws {
    let log = try SyntheticLog.ofAllKinds()
    #expect(try numbers(EventQuery(), log) == Array(0..<15))
    #expect(try numbers(EventQuery(kinds: [.consoleOutput, .note]), log) == [2, 10, 12])
    #expect(try numbers(EventQuery(positions: 1500...2500), log) == [2, 3, 4, 5])
    #expect(try numbers(EventQuery(positions: 1501...1_000_000, limit: 3), log) == [3, 4, 5])
    #expect(try numbers(EventQuery(firstNumber: 13), log) == [13, 14])
    #expect(try numbers(EventQuery(positions: 2600...UInt64.max, firstNumber: 2, limit: 2), log) == [6, 7])
    #expect(try numbers(EventQuery(times: 5200...1_000_006_000), log) == [6, 7, 8])
    #expect(try numbers(EventQuery(kinds: []), log) == [])
    #expect(try numbers(EventQuery(limit: 0), log) == [])
    #expect(try numbers(EventQuery(positions: 2_000_000...UInt64.max), log) == [])
  }

  @Test func theTableTellsWhatHappened() throws {
    let log = try SyntheticLog.ofAllKinds()
    #expect(
      try EventQuery().report(of: log.reader).rendered(.table) == """
        Event   Position  Guest time (s)  Kind              What
            0          0     0.000000000  snapshot          snapshot "replay_init"
            1        100     0.000000200  clock-read        wall clock read: 1700000000.000000005 s
            2      1,500     0.000003000  console-output    output "boot, \\"now\\"\\r\\n"
            3      2,000     0.000004000  block-request     drive 1 request 7: write, 2 sectors from 8
            4      2,000     0.000004000  block-request     drive 0 request 0: read, 16 sectors from 0
            5      2,500     0.000005000  block-completion  drive 0 request 0: done
            6      2,600     0.000005200  block-completion  drive 1 request 7: failed
            7      3,000     1.000006000  console-input     input "\\x1b[A\\xff\\x00"
            8      3,000     1.000006000  entropy-read      entropy read: 3 bytes 010203
            9  1,000,000     1.002000000  digest            digests of the state: 2 components
           10  1,000,001     1.002000002  note              note "\\xc3\\xa9tat"
           11  1,000,002     1.002000004  reset             reset by the guest
           12  1,000,003     1.002000006  console-output    output "bye"
           13  1,000,004     1.002000008  power-off         power-off by the guest, exit status 3
           14  1,000,004     1.002000008  end               powered off, exit status 3

        """)
  }

  @Test func machineFormatsHoldEveryField() throws {
    let log = try SyntheticLog.ofAllKinds()
    let report = EventQuery().report(of: log.reader)
    let lines = try report.rendered(.ndjson).split(separator: "\n").map(String.init)
    #expect(
      lines[3]
        == #"{"number":3,"position":2000,"time_ns":4000,"kind":"block-request","text":"drive 1 request 7: write, "#
        + #"2 sectors from 8","byte_count":17,"drive":1,"request":7,"operation":"write","sector":8,"#
        + #""sector_count":2,"data_digest":"00000000000000ab"}"#)
    #expect(lines[5].contains(#""drive":0,"request":0,"succeeded":true,"data_digest":"ffffffffffffffff"}"#))
    #expect(
      lines[7].contains(
        "\"data\":\"\\u001b[A\u{fffd}\\u0000\",\"data_base64\":\"G1tB/wA=\",\"data_bytes\":5}"))
    #expect(lines[9].contains(#""digests":["hart0=0000000000000001","memory=fedcba9876543210"]}"#))
    #expect(lines[1].contains(#""wall_clock_ns":1700000000000000005}"#))
    #expect(lines[14].contains(#""reason":"powered-off","exit_status":3}"#))
    for line in lines { _ = try JSONSerialization.jsonObject(with: Data(line.utf8)) }
    let document =
      try JSONSerialization.jsonObject(with: Data(report.rendered(.json).utf8)) as? [String: [Any]]
    #expect(document?["events"]?.count == 15)

    let csv = try report.rendered(.csv)
    #expect(
      csv.hasPrefix("number,position,time_ns,kind,text,byte_count,data,data_base64,data_bytes,drive,request,")
    )
    #expect(
      csv.contains(
        "\r\n2,1500,3000,console-output,\"output \"\"boot, \\\"\"now\\\"\"\\r\\n\"\"\",17,\"boot, \"\"now\"\"\r\n\",,13,,,"
      ))
  }
}
