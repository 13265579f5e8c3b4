// SPDX-License-Identifier: Apache-2.0

import Execution
import Glibc
import HostSystem

/// A folder that only we can enter, for a socket and the debugger's commands.
final class PrivateFolder {
  let path: String
  private var names = [socketName]

  init() throws(Failure) {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/rrtool-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw Failure.system(errno, path: parent, doing: "cannot make a folder there")
    }
    // An array of a template is not empty.
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  func write(_ text: String, to name: String) throws(Failure) -> String {
    let file = "\(path)/\(name)"
    let descriptor = HostFiles.open(file, for: .creating, permissions: 0o600)
    guard descriptor >= 0 else { throw Failure.system(errno, path: file, doing: "cannot create it") }
    defer { close(descriptor) }
    names.append(name)
    DescriptorConsoleOutput(descriptor: descriptor).write(Array(text.utf8))
    return file
  }

  func remove() {
    for name in names { unlink("\(path)/\(name)") }
    rmdir(path)
  }

  static let socketName = "gdb.sock"
  static let commandsName = "commands.gdb"
  static let scriptName = "commands.py"
}
