// SPDX-License-Identifier: Apache-2.0

import Execution

/// Hands console output on, and tells what the last of it is.
final class ConsoleTail: ConsoleOutput {
  private static let limit = 2048

  private let output: any ConsoleOutput
  private let tell: ([UInt8]) -> Void
  private var last: [UInt8] = []

  /// - Parameter tell: gets whole lines, as many as fit; of a line that does not fit, its end.
  init(_ output: any ConsoleOutput, tell: @escaping ([UInt8]) -> Void) {
    self.output = output
    self.tell = tell
  }

  func write(_ bytes: [UInt8]) {
    last += bytes.suffix(Self.limit)
    if last.count > Self.limit {
      last.removeFirst(last.count - Self.limit)
      if let end = last.dropLast().firstIndex(of: UInt8(ascii: "\n")) { last.removeFirst(end + 1) }
    }
    tell(last)
    output.write(bytes)
  }
}
