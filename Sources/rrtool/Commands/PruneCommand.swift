// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import RecordingStore

struct PruneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune", abstract: "Remove old recordings from the default folder.",
    discussion: """
      The oldest go first, until no more than --keep are left and all together take no more than --max-size on the disk. One that is being made, or
      that a command is looking into, stays, and so do packed ones and what cannot be read. What killed commands left in the folder goes as well.

      EXAMPLES
        rrtool prune --keep 20 --max-size 10G --dry-run
        rrtool prune --keep 20 --max-size 10G
      """)

  @Option(help: ArgumentHelp("Keep so many recordings.", valueName: "n"))
  var keep: Int?

  @Option(
    name: .customLong("max-size"),
    help: ArgumentHelp("Keep as many as take so many bytes; K, M and G may follow.", valueName: "bytes"))
  var maximumSize: String?

  @Flag(help: "Say what would be removed, and remove nothing.")
  var dryRun = false

  func run() throws {
    try reporting {
      guard keep != nil || maximumSize != nil else {
        throw Failure(.usage, "prune", "there is no limit", remedy: "give --keep, --max-size or both")
      }
      guard keep.map({ $0 >= 0 }) ?? true else {
        throw Failure(.usage, "--keep", "is less than none", remedy: "give 0 or more")
      }
      let limit = try maximumSize.map { (text) throws(Failure) in try Size.parse(text, option: "--max-size") }
      let folder = TraceFolder()
      let pruning = try Pruning(of: folder, keep: keep, byteLimit: limit)
      if !dryRun { folder.removeLeftovers() }
      var (count, byteCount, failed) = (0, UInt64(0), false)
      for candidate in pruning.candidates {
        if !dryRun {
          do throws(Failure) {
            guard try candidate.remove() else { continue }
          } catch {
            // The others can go all the same.
            say("\(error)")
            failed = true
            continue
          }
        }
        show(
          "\(dryRun ? "would remove" : "removed") \(candidate.path.printable)  \(Size.describe(candidate.byteCount))"
        )
        count += 1
        byteCount += candidate.byteCount
      }
      show(
        "\(count) recording\(count == 1 ? "" : "s") \(dryRun ? "would be " : "")removed, \(Size.describe(byteCount)); "
          + "\(pruning.recordings.count - count) left, \(Size.describe(pruning.byteCount - min(byteCount, pruning.byteCount)))"
      )
      if failed { throw ExitStatus.failed }
    }
  }
}
