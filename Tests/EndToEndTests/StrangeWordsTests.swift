// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Random words after every subcommand: what is nobody's option ends with status 64, always, and a status of 0 means that it was done.
@Suite struct StrangeWordsTests {
  /// What the parser knows, as it tells completion scripts.
  private struct Dump: Decodable {
    struct Name: Decodable {
      let kind: String
      let name: String
    }
    struct Argument: Decodable {
      let kind: String
      let names: [Name]?
    }
    struct Command: Decodable {
      let commandName: String
      let arguments: [Argument]?
      let subcommands: [Command]?
    }
    let command: Command
  }

  private struct Option {
    var names: [String]
    var takesValue: Bool
  }

  /// The commands that do something, each with its options.
  private static func commands(_ scratch: Scratch) throws -> [(words: [String], options: [Option])] {
    let decoder = JSONDecoder()
    let dump = try decoder.decode(
      Dump.self, from: Data(try scratch.rrtool("--experimental-dump-help").output))
    func walk(_ command: Dump.Command, _ path: [String]) -> [(words: [String], options: [Option])] {
      let below = (command.subcommands ?? []).filter { $0.commandName != "help" }
      guard below.isEmpty else { return below.flatMap { walk($0, path + [$0.commandName]) } }
      let options = (command.arguments ?? []).filter { $0.kind != "positional" }.map { argument in
        Option(
          names: (argument.names ?? []).map { ($0.kind == "long" ? "--" : "-") + $0.name },
          takesValue: argument.kind == "option")
      }
      return [(path, options)]
    }
    return walk(dump.command, [])
  }

  private static let junk = [
    "", "-", "0", "-1", "1", "16", "18446744073709551616", "5Q", "virt", "stdio", "none", "on",
    "/nonexistent/x",
    "a=b,c", "é", "'", "%s%n", "50%", "event:3", "end", "  ", String(repeating: "x", count: 300), "json", "[",
    "tcp:0",
  ]
  /// Options of QEMU's alone, with an h or an o in them or not, and what nobody has.
  private static let foreign = [
    "-machine", "-chardev", "-hda", "-smp", "-watchdog", "-xh", "-Shift", "-S2", "-frobnicath", "-zz", "-z",
    "-1x",
    "--frobnicate", "--frob=3", "--helpx", "--hlep", "--versionx",
  ]

  /// An option of rrtool's with a letter too many or too few, or one that nobody has.
  private func stranger(_ all: [String], known: Set<String>, _ random: inout SeededGenerator) -> String {
    while true {
      var word = Self.foreign.randomElement(using: &random) ?? "-zz"
      let kind = Int.random(in: 0..<3, using: &random)
      if kind > 0, let name = all.randomElement(using: &random), name.count > 5 {
        word = name
        if kind == 1 {
          let place = word.index(word.startIndex, offsetBy: Int.random(in: 2..<word.count, using: &random))
          word.insert("qxz".randomElement(using: &random) ?? "q", at: place)
          if Bool.random(using: &random) { word += "=5" }
        } else {
          word.removeLast()
        }
      }
      if !known.contains(String(word.prefix { $0 != "=" })) { return word }
    }
  }

  @Test func nothingStrangeIsTaken() throws {
    let scratch = try Scratch()
    let seed = UInt64.random(in: 1...1_000_000)
    var random = SeededGenerator(seed: seed)
    let commands = try Self.commands(scratch)
    #expect(commands.count >= 20, "\(commands.map(\.words))")
    let all = Array(Set(commands.flatMap { $0.options.flatMap(\.names) })).filter { $0.hasPrefix("--") }
      .sorted()
    let guest = ["--bios", Place.guest("hello"), "--memory", "16M"]
    let line = ["--", "qemu-system-riscv64", "-M", "virt", "-bios", Place.guest("hello"), "-nographic"]
    for number in 0..<900 {
      if number % 50 == 0 || !FileManager.default.fileExists(atPath: scratch.path("run.rr")) {
        try? FileManager.default.removeItem(atPath: scratch.path("run.rr"))
        try scratch.record("run.rr", "--bios", Place.guest("hello"), "--memory", "16M")
      }
      let (path, options) = commands[number % commands.count]
      let known = Set(options.flatMap(\.names))
      // What waits for somebody to come, or asks for help, is another test's.
      let usable = options.filter { option in
        !option.names.contains { ["--help", "--version", "--paused", "--incoming"].contains($0) }
      }
      let verb = path[0]
      var groups: [[String]] = []
      switch verb {
      case "run", "record": groups.append(guest)
      case "monitor": groups.append(["none.sock"])
      case "qemu": break
      default: groups.append(["run.rr"])
      }
      for option in usable.shuffled(using: &random).prefix(Int.random(in: 0...3, using: &random)) {
        guard let name = option.names.randomElement(using: &random) else { continue }
        let value = Self.junk.randomElement(using: &random) ?? ""
        switch option.takesValue {
        case false: groups.append([name])
        case true where name.hasPrefix("--") && Bool.random(using: &random):
          groups.append(["\(name)=\(value)"])
        case true: groups.append([name, value])
        }
      }
      groups.shuffle(using: &random)
      var (mustRefuse, mayFail) = (false, false)
      switch Int.random(in: 0..<3, using: &random) {
      case 0:
        // Not behind an option that might take it for its value.
        let word = stranger(all, known: known, &random)
        let place = groups.firstIndex { $0 == ["run.rr"] || $0 == guest }.map { $0 + 1 } ?? 0
        groups.insert([word], at: Bool.random(using: &random) ? place : 0)
        mustRefuse = true
        // One of QEMU's takes what follows for its value, and what is wrong may then be that.
        mayFail = ["run", "record"].contains(verb) && Self.foreign.contains(word)
      case 1:
        // The last word, as its value is missing.
        let lacking = usable.filter { $0.takesValue && !$0.names.contains("--until-failure") }
        guard verb != "qemu", let name = lacking.randomElement(using: &random)?.names.first else { break }
        groups.append([name])
        mustRefuse = true
      default: break
      }
      let words = path + groups.flatMap { $0 } + (verb == "qemu" ? line : [])
      let result = try scratch.rrtool(words, folder: scratch.folder.path, seconds: 60)
      let what: Comment = "seed \(seed): \(words): \(result.status) \(result.errors)"
      if mustRefuse { #expect(result.status == 64 || (mayFail && result.status == 1), what) }
      if mustRefuse { #expect(result.output.isEmpty, what) }
      if result.status != 0 { #expect(!result.errors.isEmpty, what) }
      #expect(![132, 133, 134, 135, 136, 139].contains(result.status) && result.status >= 0, what)
      if result.status == 0, ["run", "record", "qemu"].contains(verb) {
        let isToldOnly = words.contains { $0.hasPrefix("--dump-dtb") || $0 == "--dry-run" }
        let said = result.text + result.errors
        #expect(
          isToldOnly || said.contains("hello: status 0") || words.contains { $0.hasPrefix("--serial") }
            // A recording that was to end before the guest has said it.
            || words.contains { $0.hasPrefix("--max-instructions") || $0.hasPrefix("--stop-on") }, what)
      }
    }
  }

  @Test func whatWasMeantIsSaid() throws {
    let scratch = try Scratch()
    for (words, text) in [
      (["reply", "run.rr"], "rrtool: reply: is no command; did you mean 'replay'? see 'rrtool help'"),
      (["nothing"], "rrtool: nothing: is no command; see 'rrtool help'"),
      (["help", "nothing"], "rrtool: nothing: is no command; see 'rrtool help'"),
      (["help", "record", "nothing"], "rrtool: nothing: is no command of record; see 'rrtool help'"),
      (
        ["snapshot", "lst"],
        "rrtool: lst: is no command of snapshot; did you mean 'list'? see 'rrtool help'"
      ),
      (
        ["record", "--bois", "x"],
        "rrtool: --bois: is no option of 'rrtool record'; did you mean '--bios'? see 'rrtool help record'"
      ),
      (["record", "--foo"], "rrtool: --foo: is no option of 'rrtool record'; see 'rrtool help record'"),
      (
        ["replay", "--checkpoint=5"],
        "rrtool: --checkpoint: is no option of 'rrtool replay'; did you mean '--checkpoint-memory'? see 'rrtool help replay'"
      ),
      (
        ["snapshot", "create", "x", "--at", "5", "--att", "5"],
        "rrtool: --att: is no option of 'rrtool snapshot create'; did you mean '--at'? see 'rrtool help snapshot create'"
      ),
      (["--frobnicate"], "rrtool: --frobnicate: is no option of rrtool; see 'rrtool help'"),
      (["rm"], "rrtool: Missing expected argument '<name.rr> ...'; see 'rrtool help rm'"),
    ] {
      let result = try scratch.rrtool(words)
      #expect(result.status == 64 && result.text.isEmpty && result.errors == text + "\n", "\(result.errors)")
    }
  }

  /// A line that is only shown could be pasted.
  @Test func aLineThatIsShownIsOne() throws {
    let scratch = try Scratch()
    for word in ["--frobnicate", "-zz", "-machine", "--sm=2"] {
      let result = try scratch.rrtool(
        "qemu", word, "--dry-run", "--", "qemu-system-riscv64", "-M", "virt", "-bios", Place.guest("hello"))
      #expect(result.status == 64 && result.text.isEmpty, "\(word): \(result.text)\(result.errors)")
    }
  }
}
