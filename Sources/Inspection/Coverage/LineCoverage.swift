// SPDX-License-Identifier: Apache-2.0

import Tracing

/// The coverage by lines of sources, for tools that read lcov's files.
package struct LineCoverage {
  private struct Function {
    var line: Int
    var count: UInt64
  }

  private struct File {
    var lines: [Int: UInt64] = [:]
    var functions: [String: Function] = [:]
  }

  private let coverage: CodeCoverage
  private var files: [String: File] = [:]

  package init(_ coverage: CodeCoverage) { self.coverage = coverage }

  package var isEmpty: Bool { files.isEmpty }

  /// Code that was made of a line begins there. A line was executed as often as that of its places that was most often.
  package mutating func add(line: Int, of file: String, at address: UInt64) {
    let count = coverage.count(at: address)
    files[file, default: File()].lines[line, default: 0].raise(to: count)
  }

  /// A function begins there. One of the same name in the same file is another copy of it.
  package mutating func add(function name: String, line: Int, of file: String, at address: UInt64) {
    let count = coverage.count(at: address)
    files[file, default: File()].functions[name, default: Function(line: line, count: 0)].count += count
    // Readers want a count for the line of each function.
    files[file, default: File()].lines[line, default: 0].raise(to: count)
  }

  /// One record a file, in the order of their names, with functions as lcov before 2.0 has them, which later ones read too.
  package func renderLcov(to write: (String) throws -> Void) rethrows {
    for (name, file) in files.sorted(by: { $0.key < $1.key }) {
      try write("TN:\nSF:\(VisibleText.of(name))\n")
      let functions = file.functions.sorted { ($0.value.line, $0.key) < ($1.value.line, $1.key) }
      for (name, function) in functions { try write("FN:\(function.line),\(VisibleText.of(name))\n") }
      for (name, function) in functions { try write("FNDA:\(function.count),\(VisibleText.of(name))\n") }
      let entered = functions.filter { $0.value.count > 0 }.count
      try write("FNF:\(functions.count)\nFNH:\(entered)\n")
      for (line, count) in file.lines.sorted(by: { $0.key < $1.key }) { try write("DA:\(line),\(count)\n") }
      let hit = file.lines.values.filter { $0 > 0 }.count
      try write("LF:\(file.lines.count)\nLH:\(hit)\nend_of_record\n")
    }
  }
}

extension UInt64 {
  fileprivate mutating func raise(to other: UInt64) { self = Swift.max(self, other) }
}
