// SPDX-License-Identifier: Apache-2.0

// libFuzzer on one parser: Fuzz TARGET [libFuzzer's options and folders], or Fuzz TARGET --write-seeds FOLDER. See `make fuzz`.

import CLibFuzzer
import FuzzTargets
import Glibc

func fail(_ text: String) -> Never {
  let line = Array("fuzz: \(text)\n".utf8)
  _ = write(2, line, line.count)
  exit(64)
}

let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
guard CommandLine.arguments.count >= 2, let chosen = FuzzTarget(rawValue: CommandLine.arguments[1]) else {
  fail("give one of \(names)")
}
if CommandLine.arguments.count == 4, CommandLine.arguments[2] == "--write-seeds" {
  for (index, bytes) in try chosen.seeds().enumerated() {
    let path = "\(CommandLine.arguments[3])/seed\(index)"
    guard let file = fopen(path, "w") else { fail("\(path): cannot be written") }
    _ = fwrite(bytes, 1, bytes.count, file)
    fclose(file)
  }
  exit(0)
}
/// A C function captures nothing, but sees what is global.
private let target = chosen
var arguments: [UnsafeMutablePointer<CChar>?] =
  ([CommandLine.arguments[0]] + CommandLine.arguments[2...]).map { strdup($0) } + [nil]
var count = Int32(arguments.count - 1)
let status = arguments.withUnsafeMutableBufferPointer { buffer in
  var start = buffer.baseAddress
  return LLVMFuzzerRunDriver(&count, &start) { data, size in
    target.feed(Array(UnsafeBufferPointer(start: data, count: size)))
    return 0
  }
}
exit(status)
