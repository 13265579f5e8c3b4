// SPDX-License-Identifier: Apache-2.0

/// How many harts QEMU's `-smp` asks for: `4`, `cpus=4`, `sockets=2,cores=2`. Guests on the virt board see the number alone.
public enum HartCount {
  public static func parse(_ text: String) throws(WordProblem) -> Int {
    var properties = try Properties(text, implied: "cpus")
    func take(_ key: String) throws(WordProblem) -> Int {
      guard let value = properties.take(key) else { return 0 }
      guard value.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(value),
        (1...0xffff).contains(number)
      else { throw WordProblem("'\(value)' is no number of \(key)") }
      return number
    }
    var cpus = try take("cpus")
    var all = try take("maxcpus")
    var sockets = try take("sockets")
    var cores = try take("cores")
    var threads = try take("threads")
    for level in ["dies", "clusters", "modules", "books", "drawers"] where try take(level) > 1 {
      throw WordProblem("the board has no \(level)")
    }
    if let other = properties.fields.first { throw WordProblem("'\(other.key)' says nothing of harts") }
    if cpus == 0, all == 0 {
      (sockets, cores, threads) = (max(sockets, 1), max(cores, 1), max(threads, 1))
    } else {
      if all == 0 { all = cpus }
      // What is left open becomes cores, then sockets, then threads.
      if cores == 0 {
        (sockets, threads) = (max(sockets, 1), max(threads, 1))
        cores = all / (sockets * threads)
      } else if sockets == 0 {
        threads = max(threads, 1)
        sockets = all / (cores * threads)
      }
      if threads == 0 { threads = all / max(sockets * cores, 1) }
    }
    let product = sockets * cores * threads
    if all == 0 { all = product }
    if cpus == 0 { cpus = all }
    guard product == all else {
      throw WordProblem("\(sockets) sockets of \(cores) cores with \(threads) threads are not \(all) harts")
    }
    guard cpus <= all else { throw WordProblem("\(cpus) harts are more than \(all)") }
    return cpus
  }
}
