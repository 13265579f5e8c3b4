// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Command lines of QEMU that are given to rrtool, and words that rrtool shares with QEMU.
@Suite struct QEMULineTests {
  private static let hello = "hello: status 0"
  private static let machine = ["-M", "virt", "-bios", Place.guest("hello"), "-m", "16", "-nographic"]

  /// What a run prints, with nothing wrong.
  private func expectRun(
    _ result: ProgramResult, says line: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(result.status == 0, "\(result.errors)", sourceLocation: sourceLocation)
    #expect(result.text.contains(Self.hello), sourceLocation: sourceLocation)
    #expect(
      result.errors.split(separator: "\n").contains { $0 == line }, "\(result.errors)",
      sourceLocation: sourceLocation)
  }

  @Test func linesAreToldAndCarriedOut() throws {
    let scratch = try Scratch()
    let guest = "--bios \(Place.guest("hello")) --memory 16M"
    let program = ["qemu-system-riscv64"]
    expectRun(try scratch.rrtool(["qemu", "--"] + program + Self.machine), says: "rrtool run \(guest)")
    expectRun(try scratch.rrtool(["qemu", "run"] + program + Self.machine), says: "rrtool run \(guest)")
    expectRun(try scratch.rrtool(["run"] + Self.machine), says: "rrtool run \(guest)")
    let run = scratch.path("run.rr")
    expectRun(
      try scratch.rrtool(["qemu", "record", "-o", run, "--"] + program + Self.machine),
      says: "rrtool record \(guest) -o \(run)")
    expectRun(
      try scratch.rrtool(["record"] + Self.machine + ["-o", run, "--force"]),
      says: "rrtool record \(guest) -o \(run) --force")
    let replayed = try scratch.rrtool("replay", run)
    #expect(replayed.status == 0 && replayed.text.contains(Self.hello))
    // As QEMU's own record and replay: by the name of a file.
    let file = scratch.path("log.bin")
    for (mode, line) in [
      ("record", "rrtool record \(guest) --icount shift=5,rrsnapshot=first -o \(file).rr --force"),
      ("replay", "rrtool replay \(file).rr --from first"),
    ] {
      let words = ["-icount", "shift=5,rr=\(mode),rrfile=\(file),rrsnapshot=first"]
      expectRun(try scratch.rrtool(["qemu", "--"] + program + Self.machine + words), says: line)
    }
  }

  @Test func whatWasPastedWithItIsLeftOut() throws {
    let scratch = try Scratch()
    let guest = "--bios \(Place.guest("hello")) --memory 16M"
    for words in [
      ["qemu", "--", "sudo", "qemu-system-riscv64"], ["qemu", "sudo", "qemu-system-riscv64"],
      ["qemu", "run", "FOO=1", "qemu-system-riscv64"],
      ["qemu", "run", "--", "env", "X=1", "qemu-system-riscv64"],
      ["run", "nice", "-n", "5", "qemu-system-riscv64"],
    ] {
      let result = try scratch.rrtool(words + Self.machine)
      expectRun(result, says: "rrtool run \(guest)")
      #expect(result.errors.split(separator: "\n").count == 2, "\(result.errors)")
    }
    let tree = scratch.path("tree.dtb")
    let dumped = try scratch.rrtool("qemu", "--", "qemu-system-riscv64", "-M", "virt,dumpdtb=\(tree)")
    #expect(
      dumped.status == 0 && dumped.errors.contains("device tree written to \(tree)"), "\(dumped.errors)")
    #expect(try scratch.bytes("tree.dtb").starts(with: [0xd0, 0x0d, 0xfe, 0xed]))
    for (words, text) in [
      (["-device", "help"], "-device help: virtio-blk-device, "),
      (["-machine", "help"], "-machine help: virt is there"),
      (["-cpu", "help"], "-cpu help: rv64, rva22s64 and max are there"),
      (["-M", "?"], "-M ?: virt is there"),
    ] {
      let result = try scratch.rrtool(["qemu", "--", "qemu-system-riscv64"] + words)
      #expect(result.status == 64 && result.errors.hasPrefix("rrtool: \(text)"), "\(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    }
  }

  @Test func theLineCanBePasted() throws {
    let scratch = try Scratch()
    let shown = try scratch.rrtool(
      ["qemu", "--dry-run", "--", "qemu-system-riscv64"] + Self.machine + [
        "-kernel", "it's", "-append", "a 'b' \"c\" $d \\e",
      ])
    #expect(shown.status == 0 && shown.errors.isEmpty)
    let words = try scratch.run(["sh", "-c", "rrtool() { printf '%s\\n' \"$@\"; }; \(shown.text)"])
    #expect(
      words.text.split(separator: "\n").map(String.init) == [
        "run", "--bios", Place.guest("hello"), "--kernel", "it's", "--append", "a 'b' \"c\" $d \\e",
        "--memory", "16M",
      ])
  }

  @Test func whatCannotBeHadIsNamedAndLeftOut() throws {
    let scratch = try Scratch()
    let network = ["-netdev", "user,id=n", "-device", "e1000,netdev=n"]
    let refused = try scratch.rrtool(["qemu", "--", "qemu-system-riscv64"] + Self.machine + network)
    #expect(refused.status == 64 && refused.output.isEmpty)
    #expect(refused.errors.contains("e1000,netdev=n: there is no PCI, and the one network card is"))
    #expect(refused.errors.contains("--leave-out"))
    let left = try scratch.rrtool(
      ["qemu", "--leave-out", "--", "qemu-system-riscv64"] + Self.machine + network)
    #expect(left.status == 0 && left.text.contains(Self.hello))
    #expect(left.errors.contains("left out: -device e1000"))
  }

  /// Whatever words are given: the guest runs, or the status is not 0.
  @Test func statusIsNeverZeroWithoutARun() throws {
    let scratch = try Scratch()
    var random = SeededGenerator(seed: 64)
    let strange = [
      "-machine", "-nographic", "-chardev", "-echr", "-append", "-snapshot", "-semihosting", "-help", "-ho",
      "-oh", "-xh", "--frobnicate",
      "--nographic", "-m", "-M", "-icount", "-Shift", "-hda", "-d", "-cpu", "-watchdog", "-no-shutdown",
      "-full-screen", "-fsdev", "-x",
      "virt", "stdio", "on", "-16", "", "-", "file", "--smp=x", "-version",
    ]
    let commands = [
      ["run", "--bios", Place.guest("hello")],
      ["record", "--force", "-o", "run.rr", "--bios", Place.guest("hello")],
      ["qemu", "--", "qemu-system-riscv64"] + Self.machine, ["run"] + Self.machine, ["replay"], ["inspect"],
      ["verify"], ["ls"], ["pack"],
      ["monitor"], [], ["qemu"],
    ]
    for _ in 0..<240 {
      let command = commands.randomElement(using: &random) ?? []
      var words = command
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        words.append(strange.randomElement(using: &random) ?? "")
      }
      let result = try scratch.rrtool(words, folder: scratch.folder.path, seconds: 60)
      if result.status == 0 {
        #expect(result.text.contains(Self.hello), "\(words): \(result.text.prefix(200)) \(result.errors)")
      } else {
        #expect(!result.errors.isEmpty, "\(words)")
      }
      // Where a word is no option of anybody's, it is wrong usage.
      if words.contains("--frobnicate") || words.contains("-Shift") || words.contains("-xh") {
        #expect(result.status != 0, "\(words)")
      }
    }
    for command in commands.dropLast() {
      let result = try scratch.rrtool(command + ["-frobnicath"], folder: scratch.folder.path, seconds: 60)
      #expect(result.status == 64, "\(command): \(result.errors)")
      let long = try scratch.rrtool(command + ["--frobnicate"], folder: scratch.folder.path, seconds: 60)
      #expect(long.status == 64, "\(command): \(long.errors)")
    }
  }

  @Test func numbersAreQEMUs() throws {
    let scratch = try Scratch()
    let guest = ["run", "--bios", Place.guest("hello")]
    for words in [
      ["--memory", "16"], ["--memory", "16777216B"], ["--smp", "cpus=2"], ["--smp", "sockets=2,cores=1"],
    ] {
      let result = try scratch.rrtool(guest + words)
      #expect(result.status == 0 && result.text.contains(Self.hello), "\(words): \(result.errors)")
    }
    let bytes = try scratch.rrtool(guest + ["--memory", "536870912"])
    #expect(bytes.status == 64 && bytes.errors.contains("536870912B"), "\(bytes.errors)")
    let limited = try scratch.rrtool("run", "--bios", Place.guest("counter"), "--max-instructions", "2K")
    #expect(limited.errors.contains("reached its limit at position 2,000"), "\(limited.errors)")
  }

  @Test func inspectTakesBothOrders() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("hello"), "--memory", "16M")
    let run = scratch.path("run.rr")
    for view in ["summary", "events", "console"] {
      #expect(
        try scratch.rrtool("inspect", view, run).text == scratch.rrtool("inspect", run, view).text, "\(view)")
    }
    let last = ["last-write", "0x80000000,4"]
    #expect(
      try scratch.rrtool(["inspect"] + last + [run]).text == scratch.rrtool(["inspect", run] + last).text)
    #expect(try scratch.rrtool("inspect", "events", run, "more").status == 64)
  }
}
