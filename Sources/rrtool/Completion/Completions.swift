// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import QEMUCommandLine
import ReplayLog

/// What a word of a command line may be, for shells that complete it (Tab).
enum Completions {
  /// Recordings here and in the default folder, by their names; none where one is on the line.
  static let recording = CompletionKind.custom { words, index, prefix in
    CompletedLine(words, asking: index).recording == nil ? CompletedWord(prefix).recordings() : []
  }

  /// Folders with recordings, and no packed ones.
  static let recordingFolder = CompletionKind.custom { _, _, prefix in
    CompletedWord(prefix).recordings(alsoPacked: false)
  }

  static let packedRecording = CompletionKind.file(extensions: ["rrz"])

  /// Snapshots of the recording that stands on the line.
  static let snapshot = CompletionKind.custom { words, index, _ in
    CompletedLine(words, asking: index).snapshots()
  }

  static let position = CompletionKind.custom { words, index, _ in
    ["start", "end"] + CompletedLine(words, asking: index).snapshots()
  }

  /// What may stand before `--`, and QEMU's own words behind it.
  static let lineOfQEMU = CompletionKind.custom { words, index, prefix in
    let words = Array(words.prefix(index).dropFirst(2))
    guard let separator = words.firstIndex(of: "--") else {
      return (words.contains { !$0.hasPrefix("-") } ? [] : ["record", "run"]) + [
        "--", "--dry-run", "--leave-out",
      ]
    }
    if separator == words.count - 1 { return ["qemu-system-riscv64"] }
    guard prefix.hasPrefix("-") else { return CompletedWord(prefix).files() }
    return Translator.options.sorted().map { "-" + $0 }
  }

  /// `file=` and a file.
  static let drive = CompletionKind.custom { _, _, prefix in
    let key = "file="
    let name = prefix.hasPrefix(key) ? String(prefix.dropFirst(key.count)) : ""
    return CompletedWord(name).files().map { key + $0 }
  }

  static let kind = CompletionKind.list(LogEventKind.allCases.map(\.name))
  static let serial = CompletionKind.list(["stdio", "stdio,signal=off", "null", "file:", "unix:"])
  static let debuggerPlace = CompletionKind.list(["stdio", "tcp:", "unix:"])
  static let debugger = CompletionKind.list(["gdb-multiarch", "gdb", "riscv64-unknown-elf-gdb", "lldb"])
}
