// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The words of the command line.
enum CommandWords {
  /// Swift reads them from /proc. In a root folder with nothing in it but what rrtool needs there is none: then they are taken from
  /// where the kernel has put them, below the environment.
  static var all: [String] {
    let words = CommandLine.arguments
    return words.isEmpty ? fromStack() : words
  }

  /// The stack of a new process has argc, the pointers to the words, a null pointer, and what `environ` points to (the ABIs of all
  /// processors with Linux), as long as nobody has changed the environment. No pointer is as small as the number of words.
  private static func fromStack() -> [String] {
    let environment = environ
    let limit = 1 << 20
    var count = 0
    while count < limit, UInt(bitPattern: environment[-2 - count]) != UInt(count) { count += 1 }
    guard count < limit, environment[-1] == nil else { return [] }
    return (0..<count).compactMap { number in environment[number - 1 - count].map { String(cString: $0) } }
  }
}
