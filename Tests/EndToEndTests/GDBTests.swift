// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Time travel under a real gdb, which `rrtool replay --debug` starts.
@Suite struct GDBTests {
  /// Runs a script in gdb on a recording; answers what gdb printed.
  private func gdb(
    _ scratch: Scratch, _ recording: String, _ options: String..., script: String
  ) throws -> ProgramResult {
    let result = try scratch.rrtool(
      ["replay", scratch.path(recording), "--debug"] + options, input: "set pagination off\n\(script)\nquit\n"
    )
    #expect(result.status == 0, "\(result.errors)\n\(result.text)")
    return result
  }

  private let ledgerSymbols = Place.guest("ledger").replacingOccurrences(of: ".elf", with: ".debug")

  /// What a script printed behind a mark, in order.
  private func marked(_ mark: String, _ result: ProgramResult) -> [String] {
    result.text.split(separator: "\n").compactMap { line in
      line.range(of: "\(mark) ").map { String(line[$0.upperBound...]) }
    }
  }

  /// gdb waits two seconds for an answer, and the place is farther away.
  @Test func gdbWaitsForAFarPlace() throws {
    let scratch = try Scratch()
    let far = 3_000_000_000
    let recorded = try scratch.rrtool(
      "record", "-o", scratch.path("far.rr"), "--bios", Place.guest("bench-hash"), "--max-instructions",
      "\(far)")
    #expect(recorded.status == 0, "\(recorded.errors)")
    let replay =
      "\(Place.tool.path) replay \(scratch.path("far.rr")) --gdb stdio --engine interpreter --to \(far - 10)"
    let result = try scratch.run([
      "gdb-multiarch", "-q", "-batch", "-ex", "set architecture riscv:rv64", "-ex",
      "target remote | \(replay)",
      "-ex", "python print('THREADS', len(gdb.selected_inferior().threads()))", "-ex", "stepi", "-ex",
      "python print('PC', int(gdb.parse_and_eval('(unsigned long)$pc')) >= 0x80000000)",
    ])
    #expect(marked("THREADS", result) == ["1"], "\(result.errors)\(result.text)")
    #expect(marked("PC", result) == ["True"], "\(result.errors)\(result.text)")
  }

  /// gdb leaves a command by Ctrl-C without a word to us, and what it asks next is answered by what belongs to that.
  @Test func controlCLeavesACommandThatTakesLong() throws {
    let scratch = try Scratch()
    try scratch.record(
      "run.rr", "--bios", Place.guest("churn"), "--memory", "16M", "--max-instructions", "100_000_000")
    let result = try scratch.run(
      ["gdb-multiarch", "-q", "-nx"],
      input: """
        set pagination off
        set architecture riscv:rv64
        target remote | \(Place.tool.path) replay \(scratch.path("run.rr")) --gdb stdio --to end
        python
        import os, signal, threading, time
        begin = time.time()
        threading.Timer(2.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        end
        monitor last $tp
        python print("LEFT", time.time() - begin < 20)
        maintenance flush register-cache
        monitor when
        python print("PC", hex(int(gdb.parse_and_eval("(unsigned long)$pc"))))
        monitor seek 50%
        monitor when

        """)
    let text = result.text + result.errors
    #expect(marked("LEFT", result) == ["True"] && text.contains("Quit"), "\(text)")
    #expect(!text.contains("Ignoring packet error"), "\(text)")
    let told = text.matches(of: #/Position ([\d,]+) of [^\n]* at (0x[0-9a-f]+)/#)
    #expect(told.map { $0.1 } == ["100,000,000", "50,000,000", "50,000,000"], "\(text)")
    #expect(marked("PC", result).first.map { told.first?.2 == $0[...] } == true, "\(text)")
  }

  /// The line that `make demo` ends with is typed in the project's folder; sources are found from anywhere.
  @Test func findsSourcesAmongWhichTheSymbolsWereBuilt() throws {
    let scratch = try Scratch()
    _ = try scratch.rrtool("record", "-o", scratch.path("run.rr"))
    let shown = try gdb(
      scratch, "run.rr", "--symbols", ledgerSymbols, script: "list ledger.c:150,158")
    #expect(shown.text.contains("void timer_interrupt(void) {"), "\(shown.text)")
  }

  /// From the crash back to its cause. Interest is paid between the reads of two balances and the writes to them: go back
  /// through the interrupts that came there, until what one paid is overwritten by one of these writes. Then find that same
  /// store from the end of the run, by a watchpoint alone.
  @Test func findsTheStoreThatCorruptedTheLedger() throws {
    let scratch = try Scratch()
    let recording = try scratch.recordCorruption()
    let found = try gdb(
      scratch, recording, "--to", "end", "--symbols", ledgerSymbols,
      script: """
        set $last_write = 0x800008e0
        python
        import gdb
        def number(text): return int(gdb.parse_and_eval(text))
        def run(command): return gdb.execute(command, to_string=True)
        def position(): return run("monitor when").split()[1].replace(",", "")
        run("break timer_interrupt if $mepc >= 0x80000882 && $mepc <= $last_write")
        culprit = None
        while culprit is None:
            if "No more reverse" in run("reverse-continue"):
                break
            interrupt = position()
            hart = number("$mhartid")
            word = "branches[%d].balances[%d]" % (hart, number("branches[%d].payments %% 8" % hart))
            before = number(word)
            run("disable 1")
            run("watch -location " + word)
            watch = gdb.breakpoints()[-1]
            run("continue")
            paid = number(word)
            run("continue")
            isCulprit = number("$pc") in (0x800008e0, 0x800008e4)
            watch.delete()
            if isCulprit:
                # Back to the store: when it ends its hart's turn, others come before the hart is here.
                run("reverse-stepi")
                culprit = position()
                print("CULPRIT", hart, culprit, before < paid)
            run("enable 1")
            run("seek " + interrupt)
        run("disable 1")
        run("seek end")
        run("watch -location " + word)
        while True:
            run("reverse-continue")
            if int(position()) <= int(culprit):
                break
        print("FOUND", position(), hex(number("$pc")))
        print("WHO", [line for line in run("last " + word).split("\\n") if "Position" in line])
        end
        """)
    let culprit = try #require(marked("CULPRIT", found).first, "\(found.text)\(found.errors)").split(
      separator: " ")
    let end = try #require(marked("FOUND", found).first, "\(found.text)\(found.errors)").split(separator: " ")
    let position = try #require(UInt64(culprit[1]))
    #expect(culprit[2] == "True")
    #expect(UInt64(end[0]) == position)
    #expect(["0x800008dc", "0x800008e0"].contains(String(end[1])))
  }

  /// The pc of single steps, as gdb shows it, both ways through an interrupt.
  @Test func stepsOfGDBAreTheSameBothWays() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("idle"), "--memory", "16M")
    let result = try gdb(
      scratch, "run.rr", "--to", "30%",
      script: """
        python
        def pc(): return int(gdb.parse_and_eval("(unsigned long)$pc"))
        def run(command): return gdb.execute(command, to_string=True)
        forward = [pc()]
        for step in range(150):
            run("stepi")
            forward.append(pc())
        backward = [pc()]
        for step in range(150):
            run("reverse-stepi")
            backward.append(pc())
        print("SAME", backward[::-1] == forward, len(set(forward)))
        entry = int(gdb.parse_and_eval("$mtvec"))
        print("TRAPS", forward.count(entry) > 0)
        end
        """)
    let same = try #require(marked("SAME", result).first, "\(result.text)\(result.errors)").split(
      separator: " ")
    #expect(same[0] == "True")
    #expect(try #require(Int(same[1])) > 50)
    #expect(marked("TRAPS", result) == ["True"])
  }

  /// rrtool evaluates conditions; they hold on the way back too, for the hart that they are about.
  @Test func conditionsAreCheap() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("smp"), "--smp", "4", "--memory", "16M")
    let result = try gdb(
      scratch, "run.rr", "--symbols", Place.guest("smp"),
      script: """
        break *&sleep_until if $mhartid == 2
        ignore 1 99
        continue
        printf "THERE %d %d\\n", $pc == (unsigned long)&sleep_until, $mhartid
        set $here = $pc
        ignore 1 0
        stepi
        reverse-continue
        printf "BACK %d %d\\n", $pc == $here, $mhartid
        reverse-continue
        printf "BACK %d %d\\n", $pc == $here, $mhartid
        """)
    #expect(marked("THERE", result) == ["1 2"], "\(result.text)\(result.errors)")
    #expect(marked("BACK", result) == ["1 2", "1 2"])
  }

  /// Three breakpoints in a loop, met more than a million times on either way; the condition of one holds once.
  @Test func aMillionHitsAreCheap() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("counter"), "--memory", "16M")
    let result = try gdb(
      scratch, "run.rr", "--to", "55%",
      script: """
        python
        import gdb
        def run(command): return gdb.execute(command, to_string=True)
        def pc(): return int(gdb.parse_and_eval("(unsigned long)$pc"))
        def position(): return int(run("monitor when").split()[1].replace(",", ""))
        names = ["$" + name for name in "ra gp tp t0 t1 t2 fp s1 a0 a1 a2 a3 a4 a5 a6 a7 t3 t4 t5 t6".split()]
        def registers(): return [int(gdb.parse_and_eval("(unsigned long)" + name)) for name in names]
        # One turn of the loop: where it leads, and what differs from turn to turn.
        head, body = pc(), []
        before = registers()
        while not body or pc() != head:
            body.append(pc())
            run("stepi")
        there, after = position(), registers()
        changing = [index for index in range(len(names)) if before[index] != after[index]]
        condition = " && ".join("%s == %d" % (names[index], after[index]) for index in changing)
        run("seek start")
        run("break *%d if %s" % (head, condition))
        for place in body[1:3]:
            run("break *%d if $sp == 1" % place)
        run("continue")
        print("FORWARD", position() - there)
        run("continue")
        where = run("monitor when").replace(",", "").split()
        print("END", where[1] == where[3])
        run("reverse-continue")
        print("BACKWARD", position() - there, len(body))
        end
        """)
    #expect(marked("FORWARD", result) == ["0"], "\(result.text)\(result.errors)")
    #expect(marked("END", result) == ["True"])
    #expect(marked("BACKWARD", result).first?.hasPrefix("0 ") == true)
  }

  /// On a terminal that gdb and rrtool share: Ctrl-C ends a motion, and nothing but the one under way; at the end the
  /// terminal is as it was.
  @Test func sharesATerminalWithGDB() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("bench-hash"), "--memory", "16M")
    let driver = Place.project.appending(path: "Tests/EndToEndTests/debug_on_terminal.py").path
    let result = try scratch.run(
      ["python3", "-B", driver, Place.tool.path, scratch.path("run.rr")], seconds: 120)
    #expect(result.status == 0, "\(result.text)\(result.errors)")
  }

  @Test func leavesNothingBehind() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("hello"), "--memory", "16M")
    let temporary = scratch.path("tmp")
    try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: true)
    let result = try scratch.run(
      ["env", "TMPDIR=\(temporary)", Place.tool.path, "replay", scratch.path("run.rr"), "--debug"],
      input: "shell ls -ld $TMPDIR/rrtool-*\nquit 7\n")
    #expect(result.status == 7, "gdb's own: \(result.errors)")
    #expect(result.text.contains("drwx------"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: temporary).isEmpty)
  }

  @Test func refusesWhatCannotBe() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("hello"), "--memory", "16M")
    let taken = try scratch.file("taken", [])
    for (options, status, what) in [
      (["--debug", "--debugger", "no-such-gdb"], Int32(1), "--debugger"),
      (["--debug", "--symbols", "no-such-file"], 1, "no-such-file"),
      (["--debug", "--gdb", "stdio"], 64, "--debug"), (["--gdb", "elsewhere"], 64, "tcp:PORT"),
      (["--gdb", "tcp:70000"], 64, "tcp:PORT"), (["--gdb", "unix:\(taken)"], 1, "cannot listen"),
      (["--gdb", "unix:" + String(repeating: "x", count: 150)], 64, "is too long for a socket"),
      (["--symbols", taken], 64, "--debug"), (["--debug", "--to", "beyond"], 64, "beyond"),
      (["--debug", "--checkpoint-memory", "1K"], 64, "16M"),
      (["--debug", "--from", "nowhere"], 1, "nowhere"),
    ] {
      let result = try scratch.rrtool(["replay", scratch.path("run.rr")] + options, seconds: 60)
      #expect(result.status == status, "\(options): \(result.errors)")
      #expect(result.errors.contains(what), "\(options): \(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    }
    #expect(FileManager.default.fileExists(atPath: taken), "what stood there stays")
  }

  /// Debian's kernel with the symbols that it knows itself, when `make-symbols` has made them.
  @Test(.enabled(if: DebianSymbols.isThere)) func walksBackThroughLinux() throws {
    let scratch = try Scratch()
    let folder = DebianSymbols.folder.path
    let recorded = try scratch.rrtool(
      "record", "-o", scratch.path("run.rr"), "--memory", "512M", "--kernel", "\(folder)/vmlinuz", "--initrd",
      "\(folder)/initrd-work.gz", "--append", "console=ttyS0", "--drive", "file=\(folder)/disk.raw",
      "--max-instructions", "400_000_000")
    #expect(recorded.status == 0, "\(recorded.errors)")
    let result = try gdb(
      scratch, "run.rr", "--to", "end", "--symbols", DebianSymbols.file.path,
      script: """
        set $jiffies_at_end = *(unsigned long *)&jiffies_64
        break *&start_kernel
        reverse-continue
        printf "BACK %d %d\\n", $pc == (unsigned long)&start_kernel, $priv
        delete
        seek end
        watch -location *(unsigned long *)&jiffies_64
        reverse-continue
        python print("GUILTY", gdb.execute("info symbol $pc", to_string=True).split()[0])
        python print("WHO", gdb.execute("last &jiffies_64 8", to_string=True).count("instruction"))
        printf "UNDONE %d\\n", $jiffies_at_end - *(unsigned long *)&jiffies_64
        delete
        seek start
        break *&kernel_init
        continue
        printf "FORWARD %d\\n", $pc == (unsigned long)&kernel_init
        watch *(unsigned long *)&jiffies_64
        continue
        set $ticks = *(unsigned long *)&jiffies_64
        reverse-continue
        printf "TICK %d\\n", $ticks - *(unsigned long *)&jiffies_64
        """)
    #expect(marked("BACK", result) == ["1 1"], "\(result.text)\(result.errors)")
    // With its periodic tick, and when it does without.
    let guilty = try #require(marked("GUILTY", result).first)
    #expect(["do_timer", "tick_do_update_jiffies64"].contains(guilty))
    #expect(marked("WHO", result) == ["1"])
    #expect(marked("UNDONE", result) == ["1"])
    #expect(marked("FORWARD", result) == ["1"])
    #expect(marked("TICK", result) == ["1"])
  }
}

enum DebianSymbols {
  static let folder = Place.project.appending(path: ".scratch/debian")
  static let file = folder.appending(path: "vmlinux.symbols")
  static var isThere: Bool { FileManager.default.fileExists(atPath: file.path) }
}
