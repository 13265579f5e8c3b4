// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Looks again and again until the condition holds. Throws when that takes longer than anything here should.
package func waitUntil(
  _ what: String, seconds: Double = 60, _ condition: () throws -> Bool
) throws {
  let deadline = Date(timeIntervalSinceNow: seconds)
  while true {
    // One more look when it is over: whoever waits may have had no processor for long.
    let isOver = Date() >= deadline
    if try condition() { return }
    guard !isOver else {
      throw ProgramProblem(description: "waited \(seconds) s for this: \(what)")
    }
    usleep(1000)
  }
}

/// Makes an empty folder for one test. Its path is short, because those of sockets have to be.
package func makeTemporaryFolder(in parent: String = NSTemporaryDirectory()) throws -> String {
  var template = Array(URL(filePath: parent).appending(path: "rrtool-XXXXXX").path.utf8CString)
  guard mkdtemp(&template) != nil else {
    throw ProgramProblem(description: "cannot make a folder in \(parent): error \(errno)")
  }
  return URL(filePath: String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)).path
}
