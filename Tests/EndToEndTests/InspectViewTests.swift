// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Each view of `rrtool inspect` is a verb of its own, with a page of help.
@Suite struct InspectViewTests {
  private static let views = [
    "summary", "events", "console", "packets", "pcap", "stats", "chart", "last-write",
    "calls", "profile", "coverage", "syscalls", "traps", "interrupts", "sbi", "mmio", "memory", "registers",
    "disassembly", "x", "source", "backtrace",
  ]
  /// Of a guest with Linux, which `LinuxViewTests` has.
  private static let linuxViews = ["tasks", "dmesg", "modules", "mounts"]

  /// A bank with a journal on its disk, whose recording is called as in the examples, with a snapshot.
  private static func recording() throws -> Scratch {
    let scratch = try Scratch()
    let recorded = try scratch.rrtool("record", "-o", scratch.path("linux.rr"))
    try #require([0, 1].contains(recorded.status), "\(recorded.errors)")
    let made = try scratch.rrtool(
      "snapshot", "create", "before-bug", scratch.path("linux.rr"), "--at", "60%")
    try #require(made.status == 0, "\(made.errors)")
    _ = try scratch.run([
      "cp", Place.project.appending(path: "fixtures/guests/built/ledger.debug").path, scratch.path("vmlinux"),
    ])
    return scratch
  }

  private func page(_ scratch: Scratch, _ view: String) throws -> String {
    let help = try scratch.run(["env", "COLUMNS=200", Place.tool.path, "help", "inspect", view])
    try #require(help.status == 0 && help.text.contains("USAGE: rrtool inspect \(view) "), "\(help.errors)")
    return help.text
  }

  @Test(arguments: views + linuxViews) func hasAPageHoweverItIsAskedFor(_ view: String) throws {
    let scratch = try Scratch()
    let page = try scratch.rrtool("help", "inspect", view)
    #expect(page.status == 0)
    for words in [
      ["inspect", view, "--help"], ["inspect", "linux.rr", view, "--help"], ["inspect", "--help", view],
      ["inspect", view, "linux.rr", "-h"],
    ] {
      let asked = try scratch.rrtool(words)
      #expect(asked.status == 0 && asked.text == page.text && asked.errors.isEmpty, "\(words)")
    }
    #expect(try scratch.rrtool("help", "inspect").text.contains(view))
    let meant = try scratch.rrtool(view, "linux.rr")
    #expect(meant.status == 64 && meant.errors.contains("did you mean 'rrtool inspect \(view)'?"))
  }

  /// The page names every field that there is.
  @Test func pagesNameTheirFields() throws {
    let scratch = try Self.recording()
    // What `pcap` writes has no fields.
    for view in Self.views where view != "pcap" {
      let page = try page(scratch, view)
      let words = Set(
        page.split { !($0.isLetter || $0.isNumber || "_-".contains($0)) }.map(String.init))
      let address =
        [
          "last-write": ["0x80002000,8"], "calls": ["0x800012d2"], "memory": ["0x80002000,8"],
          "x": ["0x80000000,40"],
        ][view] ?? []
      var result = try scratch.rrtool(
        ["inspect", view] + address + [scratch.path("linux.rr"), "--format", "json"])
      if result.status == 0, page.contains("--symbols") {
        result = try scratch.rrtool(
          ["inspect", view] + address
            + [scratch.path("linux.rr"), "--format", "json", "--symbols", scratch.path("vmlinux")])
      }
      try #require(result.status == 0, "\(result.errors)")
      let report = try #require(
        try JSONSerialization.jsonObject(with: Data(result.output)) as? [String: Any], "\(view)")
      for (section, content) in report {
        let rows = content as? [[String: Any]] ?? [content as? [String: Any] ?? [:]]
        let names = rows.reduce(into: Set<String>()) { $0.formUnion($1.keys) }
        #expect(names.subtracting(words) == [], "\(view)")
        if report.count > 1 { #expect(words.contains(section), "\(view)") }
      }
    }
  }

  @Test func examplesRun() throws {
    let scratch = try Self.recording()
    for view in [""] + Self.views {
      let page = try view.isEmpty ? scratch.rrtool("help", "inspect").text : page(scratch, view)
      let lines = page.split(separator: "\n").drop { $0 != "EXAMPLES" }.prefix { $0 != "OPTIONS:" }
        .filter { $0.hasPrefix("  rrtool ") }
      #expect(lines.count > 1, "\(view)")
      for line in lines where !Self.linuxViews.contains(where: { line.contains(" \($0) ") }) {
        // What stands far behind it is said of it; a guest without an operating system has no page tables.
        let command = String(line.dropFirst(2)).split(separator: "   ")[0]
          .replacing("0xffffffff81000000,4 --virtual 0", with: "0x80002000,4")
        // There is no other recording, so the one that is not named has to be put there.
        let text = command.contains("linux.rr") ? String(command) : command + " linux.rr"
        let result = try scratch.run(
          ["sh", "-c", "rrtool() { '\(Place.tool.path)' \"$@\"; }; cd '\(scratch.path(""))'; \(text)"])
        #expect(result.status == 0 && result.errors.isEmpty, "\(line): \(result.errors)")
      }
    }
  }

  /// A view is found behind any option of any view, with its value or without one.
  @Test func viewsStandBehindAllOptions() throws {
    let scratch = try Scratch()
    for view in Self.views + Self.linuxViews {
      let lines = try page(scratch, view).split(separator: "OPTIONS:").last?.split(separator: "\n") ?? []
      let options = lines.compactMap { $0.firstMatch(of: #/^  (?:-., )?(--[a-z-]+)( <)?/#) }
      #expect(options.count > 2, "\(view)")
      for option in options where option.1 != "--version" {
        let words = [String(option.1)] + (option.2 == nil ? [] : ["1"])
        let asked = try scratch.rrtool(["inspect"] + words + [view, "--help"])
        #expect(
          asked.status == 0 && asked.text.contains("USAGE: rrtool inspect \(view) "),
          "\(words): \(asked.errors)")
      }
    }
  }

  @Test func theViewThatWasMeantIsSaid() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("hello"), "--memory", "16M")
    for (words, text) in [
      (
        ["inspect", scratch.path("run.rr"), "event"],
        "rrtool: event: is nothing to show; did you mean 'events'? give "
      ),
      (
        ["inspect", "evnts"],
        "rrtool: evnts: is neither a recording nor what can be shown of one; did you mean 'events'?\n"
      ),
    ] {
      let result = try scratch.rrtool(words)
      #expect(result.status == 64 && result.errors.hasPrefix(text), "\(result.errors)")
    }
  }

  @Test func optionsOfOtherViewsAreWrong() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("hello"), "--memory", "16M")
    for (view, words, more) in [
      (
        "summary", ["--from", "1"],
        "it is one of 'events', 'console', 'packets', 'pcap', 'chart', 'calls', 'profile', 'coverage', 'syscalls', 'traps', 'interrupts', 'sbi', 'mmio', 'memory'; "
      ),
      ("", ["--kind", "end"], "it is one of 'events'; "),
      ("console", ["--kind", "end"], "it is one of 'events'; "), ("stats", ["--to", "5"], "it is one of"),
      ("events", ["--timestamps"], "it is one of 'console'; "), ("chart", ["--limit", "5"], "it is one of"),
      ("last-write", ["0", "--from", "1"], ""), ("events", ["--kid", "end"], "did you mean '--kind'? "),
      ("events", ["--virtual", "0"], "it is one of 'last-write'; "),
    ] {
      for place in [true, false] {
        let line =
          ["inspect"] + (place ? [scratch.path("run.rr")] : []) + (view.isEmpty ? [] : [view]) + words
          + (place ? [] : [scratch.path("run.rr")])
        let result = try scratch.rrtool(line)
        let option = words.first { $0.hasPrefix("-") } ?? ""
        let page = view.isEmpty ? "summary" : view
        #expect(result.status == 64 && result.text.isEmpty, "\(line)")
        #expect(
          result.errors.hasPrefix("rrtool: \(option): is no option of 'rrtool inspect \(page)'; \(more)")
            && result.errors.hasSuffix("see 'rrtool help inspect \(page)'\n"), "\(result.errors)")
      }
    }
    for words in [
      ["evets"], ["last-write"], ["last-write", "here"], ["events", "events"], ["chart", "--format", "x"],
    ] {
      let result = try scratch.rrtool(["inspect", scratch.path("run.rr")] + words)
      #expect(
        result.status == 64 && result.errors.split(separator: "\n").count == 1, "\(words): \(result.errors)")
    }
  }
}
