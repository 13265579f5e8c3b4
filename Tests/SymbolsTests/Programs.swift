// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Programs for rv64 that tests build with the toolchain's compiler.
enum Programs {
  static let ledger = fixture("ledger").replacing(".elf", with: ".debug")

  /// The folder of the compiler that builds the project.
  static let tools: String = {
    let look = try? runProgram(["sh", "-c", #"dirname "$(readlink -f "$(command -v swift)")""#])
    return look?.text.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
  }()

  /// Builds sources by their names: `main.c`, `start.S`.
  static func build(
    _ sources: [String: String], in folder: TestFolder, as name: String = "program.elf", _ options: String...
  ) throws -> String {
    let names = sources.keys.sorted()
    for name in names { _ = try folder.write(name, Array((sources[name] ?? "").utf8)) }
    let made = try runProgram(
      [
        "\(tools)/clang", "--target=riscv64-unknown-elf", "-march=rv64gc", "-mabi=lp64d", "-mcmodel=medany",
        "-O2", "-g", "-ffreestanding", "-nostdlib", "-fuse-ld=lld", "-Wl,-Ttext=0x80000000", "-Wl,-e,start",
        "-ffile-prefix-map=\(folder.path)=sources",
      ] + options + names + ["-o", name], folder: folder.path)
    try #require(made.status == 0, "\(made.errors)")
    return folder.file(name)
  }

  /// What `llvm-objcopy` makes of a file.
  static func copy(_ path: String, in folder: TestFolder, as name: String, _ options: String...) throws
    -> String
  {
    let made = try runProgram(["\(tools)/llvm-objcopy"] + options + [path, folder.file(name)])
    try #require(made.status == 0, "\(made.errors)")
    return folder.file(name)
  }
}
