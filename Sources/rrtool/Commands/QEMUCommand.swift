// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import QEMUCommandLine

struct QEMUCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "qemu", abstract: "Run or record what a command line of QEMU says.",
    discussion: """
      The line stands behind --. What it means in rrtool's words is printed on standard error, ready to be pasted, and carried
      out: run, or record when you or -icount rr=record say so; -icount rr=replay replays. Words of rrtool before -- are added, and
      count more than QEMU's. What is other than with QEMU is told in a line each. What cannot be had, a network device or PCI, is
      named, and the exit status is 64; with --leave-out the guest runs without it. docs/qemu-command-lines.md has all options.

      'rrtool record' and 'rrtool run' take options of QEMU in the same way.

      EXAMPLES
        rrtool qemu -- qemu-system-riscv64 -machine virt -bios none -kernel kernel -m 128M -smp 3 -nographic
        rrtool qemu record -o linux.rr -- qemu-system-riscv64 -M virt -kernel Image -append console=ttyS0 -nographic
        rrtool qemu --dry-run -- qemu-system-riscv64 -M virt -kernel Image -icount shift=7,rr=record,rrfile=run
        rrtool qemu --leave-out -- qemu-system-riscv64 -M virt -kernel Image -nic user
        rrtool record -M virt -kernel Image -append console=ttyS0
      """)

  @Flag(help: "Print the line on standard output, and do nothing.")
  var dryRun = false

  @Flag(help: "Go on without devices that are not there.")
  var leaveOut = false

  @Argument(
    parsing: .captureForPassthrough,
    help: ArgumentHelp(
      "record or run with their options, --, and QEMU's line.",
      valueName: "record|run] [options] [--] [qemu-system-riscv64 ..."), completion: Completions.lineOfQEMU)
  var words: [String] = []

  /// Where QEMU's line begins without `--`: at its name, or at what a shell would start before it.
  private static func start(of words: [String]) -> Int? {
    guard let program = words.firstIndex(where: ShellLine.isProgram) else { return nil }
    let isVerb = words.first.flatMap(Translation.Verb.init(rawValue:)) != nil
    let first = words.dropFirst(isVerb ? 1 : 0).startIndex
    return first < program && !words[first].hasPrefix("-") ? first : program
  }

  func run() throws {
    let separator = words.firstIndex(of: "--")
    let start = separator ?? Self.start(of: words)
    var own = Array(words[..<(start ?? words.endIndex)])
    if own.contains("--help") || own.contains("-h") { throw CleanExit.helpRequest(self) }
    guard let start else {
      return try reporting {
        throw Failure(
          .usage, "qemu", "there is no command line of QEMU",
          remedy: "give it behind --: rrtool qemu record -- qemu-system-riscv64 -M virt ...")
      }
    }
    var request = Translator.Request()
    let line = Array(words[(separator.map { $0 + 1 } ?? start)...])
    let isDry = dryRun || own.contains("--dry-run")
    request.leavesOut = leaveOut || own.contains("--leave-out")
    own.removeAll { $0 == "--dry-run" || $0 == "--leave-out" }
    if let verb = own.first.flatMap(Translation.Verb.init(rawValue:)), verb != .replay {
      request.verb = verb
      own.removeFirst()
    }
    if let word = own.first, !word.hasPrefix("-") {
      return try reporting {
        throw Failure(.usage, word, "is neither record nor run", remedy: "see 'rrtool help qemu'")
      }
    }
    request.ownWords = own
    guard !line.isEmpty else {
      return try reporting {
        throw Failure(.usage, "--", "there is nothing behind it", remedy: "give a command line of QEMU there")
      }
    }
    var pasted = PastedLine(line: line, request)
    pasted.showsOnly = isDry
    try pasted.carryOut()
  }
}
