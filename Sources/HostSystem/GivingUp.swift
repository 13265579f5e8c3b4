// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Ends the program where the host lacks what nothing can go on without and nobody can wait for: memory or a thread. One line says so,
/// as for every other failure; what is in files stays there, as when the program is killed.
package func giveUp(_ what: String, remedy: String) -> Never {
  let line = Array("rrtool: \(what); \(remedy)\n".utf8)
  _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
  _exit(1)
}
