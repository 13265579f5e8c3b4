// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Programs of users in a Linux guest: their symbols, and breakpoints for one of two processes at the same addresses.
@Suite struct UserProgramTests {
  /// The compiler of the toolchain that builds the project.
  private static let compiler: String? = {
    let found = try? runProgram(["sh", "-c", "readlink -f \"$(command -v swift)\""])
    let path = found?.text.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
    let clang = URL(filePath: path).deletingLastPathComponent().appending(path: "clang").path
    return FileManager.default.isExecutableFile(atPath: clang) ? clang : nil
  }()

  private static var isPossible: Bool {
    compiler != nil
      && FileManager.default.fileExists(atPath: DebianSymbols.folder.appending(path: "vmlinuz").path)
  }

  @Test(.enabled(if: isPossible, "there is no Debian kernel, or no clang"))
  func breakpointsOfOneProcess() throws {
    let scratch = try Scratch()
    let program = scratch.path("twins")
    let source = Place.project.appending(path: "fixtures/debian/twins.c").path
    let compiled = try scratch.run([
      Self.compiler ?? "", "--target=riscv64-unknown-linux-gnu", "-march=rv64gc", "-mabi=lp64d", "-O1", "-g",
      "-ffreestanding", "-nostdlib", "-static", "-fno-stack-protector", "-fuse-ld=lld", "-Wl,--build-id",
      source, "-o", program,
    ])
    try #require(compiled.status == 0, "\(compiled.errors)")
    let initrd = try scratch.file("initrd", Initramfs.archive(init: try scratch.bytes("twins")))
    let recorded = try scratch.rrtool(
      "record", "-o", scratch.path("run.rr"), "--kernel",
      DebianSymbols.folder.appending(path: "vmlinuz").path,
      "--initrd", initrd, "--append", "console=ttyS0 quiet", "--max-instructions", "5_000_000_000")
    try #require(recorded.status == 0, "\(recorded.errors)")
    #expect(recorded.lines.filter { $0 == "first" }.count == 5, "\(recorded.text)")
    #expect(recorded.lines.filter { $0 == "second" }.count == 5, "\(recorded.text)")
    let result = try scratch.rrtool(
      ["replay", scratch.path("run.rr"), "--debug", "--symbols", program],
      input: """
        set pagination off
        python
        def number(text): return int(gdb.parse_and_eval(text))
        def run(command): return gdb.execute(command, to_string=True)
        def amounts(command, count):
            found = []
            for _ in range(count):
                run(command)
                found.append(number("amount"))
            return found
        run("break work")
        print("ALL", sorted(amounts("continue", 10)))
        run("starti")
        run("continue")
        run("delete")
        first = number("amount")
        run("break-here work")
        step = 1 if first < 100 else 100
        print("ONE", first == step, [value // step for value in amounts("continue", 4)])
        print("BACK", [value // step for value in amounts("reverse-continue", 4)])
        run("delete")
        run("break work if $priv == 0 && ($satp & 0xfffffffffff) != %d" % (number("$satp") & 0xfffffffffff))
        print("OTHER", [value // 100 if step == 1 else value for value in amounts("continue", 5)])
        run("delete")
        answer = run("last total")
        print("LAST", "work + " in answer and "twins.c:" in answer)
        run("go")
        print("GO", gdb.selected_frame().name(), number("$priv"))
        end
        quit

        """, seconds: 200)
    func marked(_ mark: String) -> String? {
      result.lines.first { $0.contains("\(mark) ") }.flatMap { line in
        line.range(of: "\(mark) ").map { String(line[$0.upperBound...]) }
      }
    }
    #expect(result.status == 0, "\(result.errors)")
    #expect(marked("ALL") == "[1, 2, 3, 4, 5, 100, 200, 300, 400, 500]", "\(result.text)\(result.errors)")
    #expect(marked("ONE") == "True [2, 3, 4, 5]", "\(result.text)")
    #expect(marked("BACK") == "[4, 3, 2, 1]", "\(result.text)")

    #expect(marked("OTHER") == "[1, 2, 3, 4, 5]", "\(result.text)")
    #expect(marked("LAST") == "True" && marked("GO") == "work 0", "\(result.text)")
    #expect(result.errors.contains("twins: taken unchecked"), "\(result.errors)")
  }
}
