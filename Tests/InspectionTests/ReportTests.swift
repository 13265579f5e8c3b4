// SPDX-License-Identifier: Apache-2.0

import Foundation
import Inspection
import Testing

@Suite struct ReportTests {
  private let facts = Section(
    record: "facts", title: "Facts",
    [
      (Column("name", "Name"), .text("a\u{1b}[31mb")),
      (Column("size_bytes", "Size"), .size(3 << 20)),
      (Column("odd_bytes", "Odd size"), .size(1_234_567)),
      (Column("time_ns", "Time (s)"), .time(1_234_000_000_005)),
      (Column("share", "Share"), .decimal(0.00005, places: 4)),
      (Column("missing", "Missing"), .none),
      (Column("hidden", nil), .integer(.max)),
    ])
  private let rows = Section(
    table: "rows", title: "Rows",
    columns: [Column("count", "Count"), Column("data", "Data", holdsData: true), Column("ok", "OK")],
    rows: [
      [.integer(1), .data(Array("x,\"y\"\r\n".utf8)), .flag(true)],
      [.integer(1_000_000), .data([0xff, 0x41]), .none],
    ])

  @Test func tablesAreAlignedAndHarmless() throws {
    let text = try Report([facts, rows]).rendered(.table)
    #expect(
      text == """
        Facts
          Name      a\\e[31mb
          Size      3 MiB
          Odd size  1,234,567 bytes
          Time (s)  1,234.000000005
          Share     0.0001

        Rows
              Count  Data       OK
                  1  x,"y"\\r\\n  yes
          1,000,000  \\xffA

        """)
    #expect(try Report([Section(table: "t", title: "T", columns: [], rows: [])]).rendered(.table) == "none\n")
  }

  @Test func jsonIsOneDocument() throws {
    let text = try Report([facts, rows]).rendered(.json)
    #expect(
      text == """
        {
          "facts": {"name":"a\\u001b[31mb","size_bytes":3145728,"odd_bytes":1234567,"time_ns":1234000000005,\
        "share":0.0001,"hidden":18446744073709551615},
          "rows": [
            {"count":1,"data":"x,\\"y\\"\\r\\n","ok":true},
            {"count":1000000,"data":"\u{fffd}A","data_base64":"/0E="}
          ]
        }

        """)
    _ = try JSONSerialization.jsonObject(with: Data(text.utf8))
    let empty = try Report([Section(table: "t", title: "T", columns: [], rows: [])]).rendered(.json)
    #expect(empty == "{\n  \"t\": []\n}\n")
  }

  @Test func linesNameTheirSectionWhereThereAreSeveral() throws {
    let several = try Report([rows, rows]).rendered(.ndjson).split(separator: "\n")
    #expect(several.count == 4)
    #expect(several[0] == #"{"section":"rows","count":1,"data":"x,\"y\"\r\n","ok":true}"#)
    let single = try Report([rows]).rendered(.ndjson).split(separator: "\n")
    #expect(
      single == [
        #"{"count":1,"data":"x,\"y\"\r\n","ok":true}"#,
        "{\"count\":1000000,\"data\":\"\u{fffd}A\",\"data_base64\":\"/0E=\"}",
      ])
  }

  @Test func csvQuotesWhatItMust() throws {
    #expect(
      try Report([rows]).rendered(.csv)
        == "count,data,data_base64,ok\r\n1,\"x,\"\"y\"\"\r\n\",,true\r\n1000000,\u{fffd}A,/0E=,\r\n")
    #expect(
      try Report([facts, rows]).rendered(.csv).replacing("\r\n", with: "|")
        == "section,row,field,value|facts,0,name,a\u{1b}[31mb|facts,0,size_bytes,3145728|facts,0,odd_bytes,1234567|"
        + "facts,0,time_ns,1234000000005|facts,0,share,0.0001|facts,0,hidden,18446744073709551615|"
        + "rows,0,count,1|rows,0,data,\"x,\"\"y\"\"|\"|rows,0,ok,true|"
        + "rows,1,count,1000000|rows,1,data,\u{fffd}A|rows,1,data_base64,/0E=|")
  }

  @Test func anyBytesMakeValidJSON() throws {
    let bytes =
      [UInt8](0...255) + [0xed, 0xa0, 0x80, 0xf4, 0x90, 0x80, 0x80, 0xc0, 0x80, 0xe2, 0x80, 0xa8, 0xf0, 0x9f]
    for start in 0..<bytes.count {
      let data = Array(bytes[start...])
      let section = Section(
        table: "t", title: "T", columns: [Column("data", "D", holdsData: true)], rows: [[.data(data)]])
      let line = try Report([section]).rendered(.ndjson)
      #expect(line.utf8.filter { $0 == 0x0a }.count == 1)
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String]
      let base64 = try #require(object?["data_base64"])
      #expect(Data(base64Encoded: base64) == Data(data))
      let table = try Report([section]).rendered(.table)
      #expect(
        table.unicodeScalars.allSatisfy {
          $0 == "\n" || $0.value >= 0x20 && !(0x7f..<0xa0).contains($0.value)
        })
    }
  }

  @Test func textIsMadeVisible() {
    #expect(VisibleText.of(Array("héllo \\ 漢字".utf8)) == "héllo \\ 漢字")
    #expect(
      VisibleText.of(Array("\u{202e}\u{85}\u{2028}\u{1b}\u{7}\t".utf8))
        == "\\u{202e}\\u{85}\\u{2028}\\e\\x07\\t")
    #expect(VisibleText.of([0xe2, 0x82, 0x41, 0xc3]) == "\\xe2\\x82A\\xc3")
    #expect(
      VisibleText.quoted(Array("/d \" q \\ \n\u{1b} é".utf8) + [0xff]) == #""/d \" q \\ \n\e é\xff""#)
    #expect(VisibleText.quoted([], isWhole: false) == #"""..."# && VisibleText.quoted([0x5c]) == #""\\""#)
  }

  @Test func manyRowsGoOnAfterTheWidthsAreChosen() throws {
    let section = Section(
      name: "n", title: "N", shape: .table, columns: [Column("n", "N"), Column("m", "M")]
    ) { row in
      for number in 0..<2000 as Range<UInt64> { try row([.integer(number * 1000), .text("x")]) }
    }
    let lines = try Report([section]).rendered(.table).split(separator: "\n")
    #expect(lines.count == 2001)
    #expect(lines[1] == "      0  x")
    #expect(lines[500] == "499,000  x" && lines[2000] == "1,999,000  x")
    #expect(lines[501] == "500,000  x")
  }
}
