// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// What the documentation says of commands and files is so.
@Suite struct DocumentationTests {
  /// The commands of rrtool with their options, as its help tells them; subcommands are `snapshot create`.
  private static func commands(_ scratch: Scratch) throws -> [String: Set<String>] {
    var found: [String: Set<String>] = [:]
    func read(_ words: [String]) throws {
      let help = try scratch.rrtool(["help"] + words)
      try #require(help.status == 0, "\(help.errors)")
      found[words.joined(separator: " ")] = options(in: help.text)
      guard let list = help.text.split(separator: "SUBCOMMANDS:\n").dropFirst().first else { return }
      for match in list.matches(of: #/^  ([a-z-]+) /#.anchorsMatchLineEndings()) {
        try read(words + [String(match.1)])
      }
    }
    try read([])
    try #require(found.count > 12 && found["snapshot create"]?.contains("--at") == true)
    return found
  }

  private static func options(in text: String) -> Set<String> {
    Set(
      text.matches(of: #/(?:^|[ (\["'])(--?[a-z][a-z0-9-]*)/#.anchorsMatchLineEndings()).map { String($0.1) })
  }

  /// The options of the benchmarks, from their source.
  private static func benchmarkOptions() throws -> Set<String> {
    let folder = Place.project.appending(path: "Benchmarks")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    return try names.reduce(into: []) { found, name in
      let file = folder.appending(path: name)
      guard try file.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true else { return }
      found.formUnion(options(in: try String(contentsOf: file, encoding: .utf8)))
    }
  }

  @Test func commandsAndOptionsThatPagesMentionExist() throws {
    let commands = try Self.commands(try Scratch())
    let options = commands.values.reduce(try Self.benchmarkOptions()) { $0.union($1) }
    var count = 0
    for page in try Documentation.all() {
      for line in page.codeLines + page.codeSpans {
        // Up to another program that reads its output, and what stands far behind it is said of it. Behind -- is another one's line.
        for use in line.matches(of: #/(?:^|\$ |/|\| )rrtool ((?:[^ |]+ ?)+)/#) {
          let words = use.1.split(separator: " ").map(String.init).prefix { $0 != "--" }
          guard words[0].allSatisfy(\.isLetter), words[0] != "help" else { continue }
          // A view stands behind its recording as well; without one it is the summary.
          let part = words.dropFirst().prefix(2).first { commands[words[0] + " " + $0] != nil }
          let name =
            (words.prefix(1) + [part ?? (words[0] == "inspect" ? "summary" : nil)].compactMap(\.self))
            .joined(separator: " ")
          guard let known = commands[name] else {
            Issue.record("\(page.name) has 'rrtool \(name)', which is no command")
            continue
          }
          // Both take a line of QEMU's as well, whose options are words behind one dash.
          let takesQEMUs = ["record", "run"].contains(name) && words.contains("-M")
          for word in words
          where word.contains(#/^--?[a-z]/#) && !(takesQEMUs && word.contains(#/^-[a-z]{2}/#)) {
            count += 1
            let option = String(word.prefix { $0 != "=" && $0 != "[" })
            #expect(known.contains(option), "\(page.name) has 'rrtool \(name) \(word)'")
          }
        }
      }
      for span in page.codeSpans where span.hasPrefix("--") {
        count += 1
        let option = String(span.prefix { $0 != " " && $0 != "=" })
        #expect(options.contains(option), "\(page.name) has '\(option)'")
      }
    }
    #expect(count > 100, "pages are full of options")
  }

  /// What rrtool tells people to give it can be given.
  @Test func optionsThatMessagesMentionExist() throws {
    let options = try Self.commands(try Scratch()).values.reduce(into: Set<String>()) { $0.formUnion($1) }
    let folder = Place.project.appending(path: "Sources")
    var count = 0
    for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path)
    where name.hasSuffix(".swift") {
      let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
      // Of a program that a message tells to use.
      for option in Self.options(in: text).subtracting([
        "--size", "--ultra", "--zstd", "--decompress-debug-sections",
      ])
      where option.hasPrefix("--") {
        count += 1
        #expect(options.contains(option), "\(name) has '\(option)'")
      }
    }
    #expect(count > 50, "messages are full of options")
  }

  @Test func linksLeadSomewhere() throws {
    for page in try Documentation.all() {
      for link in page.links {
        let folder = (page.name as NSString).deletingLastPathComponent
        let target =
          link.file.isEmpty
          ? page.name : ((folder as NSString).appendingPathComponent(link.file) as NSString).standardizingPath
        #expect(
          FileManager.default.fileExists(atPath: Place.project.appending(path: target).path),
          "\(page.name) leads to \(target)")
        if let heading = link.heading {
          #expect(
            try Documentation(target).headings.contains(heading), "\(page.name) leads to \(target)#\(heading)"
          )
        }
      }
    }
  }

  /// The first word of each piece of code in these texts.
  private static func firstWords(of texts: [String]) -> [String] {
    texts.flatMap { text -> [String] in
      Documentation.codeSpans(in: text).map { span in String(span.prefix { $0 != " " }) }
    }
  }

  /// docs/monitor.md lists what the monitor knows, no more and no less.
  @Test func theMonitorsCommandsAreDocumented() throws {
    let page = try Documentation("docs/monitor.md")
    let scratch = try Scratch()
    let socket = scratch.path("m.sock")
    let program = try scratch.start(
      [Place.tool.path, "run", "--bios", Place.guest("hello"), "--paused", "--qmp", "unix:" + socket])
    let monitor = try MonitorSocket(socket)
    try monitor.negotiate()
    func answer(_ line: String) throws -> [Substring] {
      let text = try monitor.ask("human-monitor-command", #"{"command-line": "\#(line)"}"#) as? String
      return try #require(text).split(whereSeparator: \.isNewline)
    }

    let documented = Set(Self.firstWords(of: page.firstTable(under: "In human words")))
    let known = try answer("help").map { line in
      Set(line.prefix { $0 != " " }.split(separator: "|").map(String.init))
    }
    let all = known.reduce(into: Set<String>()) { $0.formUnion($1) }
    #expect(documented.subtracting(all) == [], "these are no commands")
    #expect(known.filter { $0.isDisjoint(with: documented) } == [], "these are not documented")

    let row = try #require(page.text.split(separator: "\n").first { $0.hasPrefix("| `info SUBJECT`") })
    let listed = Self.firstWords(of: [String(row)]).dropFirst(2)
    #expect(Array(listed) == (try answer("info").map { String($0.split(separator: " ")[1]) }))

    let commands = Self.firstWords(of: page.firstTable(under: "QMP"))
    let served = try #require(try monitor.ask("query-commands") as? [[String: Any]])
    #expect(commands.sorted() == served.compactMap { $0["name"] as? String }.sorted())

    #expect(try monitor.ask("quit") != nil)
    #expect(try program.waitForResult().status == 0)
  }

  /// docs/time-travel.md lists the commands after `monitor` in gdb, no more and no less.
  @Test func theDebuggersCommandsAreDocumented() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("hello"), "--memory", "16M")
    let client = try DebugClient(scratch, replaying: "run.rr")
    // "back, forward     go to where we were": up to an empty line.
    let lines = try client.monitor("help").split(separator: "\n", omittingEmptySubsequences: false)
    var known: Set<String> = []
    for line in lines.prefix(while: { !$0.isEmpty }) {
      for usage in line.split(separator: "  ")[0].split(separator: ", ") {
        known.insert(String(usage.prefix { $0 != " " }))
      }
    }
    let documented = Self.firstWords(
      of: try Documentation("docs/time-travel.md").firstTable(under: "Commands"))
    #expect(Set(documented) == known.subtracting(["help"]))
    #expect(try client.detach().status == 0)
  }

  /// docs/inspect.md names the fields of every view.
  @Test func theFieldsOfReportsAreDocumented() throws {
    let documented = Set(try Documentation("docs/inspect.md").codeSpans)
    let scratch = try Scratch()
    // A bank with a journal on its disk: of most kinds of events there are some. Its books balance or do not.
    let recorded = try scratch.rrtool("record", "-o", scratch.path("run.rr"))
    try #require([0, 1].contains(recorded.status), "\(recorded.errors)")
    for view in [
      ["summary"], ["events"], ["console"], ["packets"], ["stats"], ["last-write", "0x80002000,8"],
      ["calls", "0x800012d2"], ["profile"], ["coverage"], ["syscalls"], ["traps"], ["interrupts"], ["sbi"],
      ["mmio"],
      ["memory", "0x80002000,8"],
      ["registers"], ["disassembly"], ["x", "0x80000000,40"], ["source"], ["backtrace"],
    ] {
      let symbols =
        ["summary", "events", "console", "packets", "stats", "registers"].contains(view[0])
        ? [] : ["--symbols", Place.guest("ledger").replacing(".elf", with: ".debug")]
      let result = try scratch.rrtool(
        ["inspect", scratch.path("run.rr")] + view + symbols + ["--format", "json"])
      try #require(result.status == 0, "\(result.errors)")
      let report = try #require(
        try JSONSerialization.jsonObject(with: Data(result.output)) as? [String: Any], "\(view)")
      for (section, content) in report {
        let rows = content as? [[String: Any]] ?? [content as? [String: Any] ?? [:]]
        let names = rows.reduce(into: Set([section])) { $0.formUnion($1.keys) }
        #expect(names.subtracting(documented) == [], "\(view[0])")
      }
    }
  }

  /// docs/formats/recording.md, and digests.md for fingerprints, name every key of a manifest.
  @Test func theKeysOfManifestsAreDocumented() throws {
    let page = try Documentation("docs/formats/recording.md")
    let spans = try page.codeSpans + Documentation("docs/formats/digests.md").codeSpans
    let documented = Set(spans.flatMap { $0.split(separator: ".").map(String.init) })
    let scratch = try Scratch()
    let image = try scratch.disk("disk.raw", sectors: 8)
    try scratch.record(
      "run.rr", "--bios", Place.guest("hello"), "--memory", "16M", "--drive", "file=\(image)")
    func check(_ value: Any) {
      if let members = value as? [String: Any] {
        #expect(Set(members.keys).subtracting(documented) == [])
        members.values.forEach(check)
      }
      (value as? [Any])?.forEach(check)
    }
    let manifest = try scratch.bytes("run.rr/recording.json")
    check(try JSONSerialization.jsonObject(with: Data(manifest)))
  }
}
