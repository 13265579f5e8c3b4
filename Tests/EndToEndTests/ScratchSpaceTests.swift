// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// What a guest writes where nothing of it stays: it goes to a disk, not into the host's memory.
@Suite struct ScratchSpaceTests {
  private static let guest = ["--bios", Place.guest("diskfill"), "--memory", "16M"]

  /// A disk of so many MiB that take no space.
  private func disk(_ scratch: Scratch, megabytes: Int) throws -> String {
    let path = try scratch.file("disk\(megabytes).raw", [])
    try FileHandle(forWritingTo: URL(filePath: path)).truncate(atOffset: UInt64(megabytes) << 20)
    return path
  }

  /// The most bytes of memory that rrtool took, and what it said.
  private func peak(_ scratch: Scratch, _ arguments: [String]) throws -> (bytes: Int, result: ProgramResult) {
    let script = """
      import resource, subprocess, sys
      status = subprocess.call(sys.argv[1:])
      print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
      sys.exit(status)
      """
    let result = try scratch.run(["python3", "-c", script, Place.tool.path] + arguments)
    let last = try #require(result.errors.split(separator: "\n").last, "\(result.errors)")
    return (try #require(Int(last), "\(result.errors)") << 10, result)
  }

  @Test func memoryDoesNotGrowWithWhatIsWritten() throws {
    let scratch = try Scratch()
    var peaks: [String: [Int]] = [:]
    for megabytes in [64, 320] {
      let drive = ["--drive", "file=\(try disk(scratch, megabytes: megabytes))"]
      let (ran, result) = try peak(scratch, ["run"] + Self.guest + drive)
      #expect(result.lines == ["diskfill: \(megabytes * 2048) sectors written and read back"])
      peaks["run", default: []].append(ran)
      let recording = scratch.path("run\(megabytes).rr")
      let recorded = try scratch.rrtool(["record", "-o", recording] + Self.guest + drive)
      try #require(recorded.status == 0, "\(recorded.errors)")
      let (replayed, again) = try peak(scratch, ["replay", recording])
      #expect(again.status == 0 && again.output == result.output, "\(again.errors)")
      peaks["replay", default: []].append(replayed)
    }
    for (what, sizes) in peaks {
      #expect(sizes[1] < sizes[0] + 32 << 20, "\(what) took \(sizes)")
    }
  }

  /// The line that ends every run that failed, one that says why, and no success.
  @Test(arguments: ["limit", "mount"]) func aFullDiskEndsTheRun(kind: String) throws {
    let scratch = try Scratch()
    let command =
      [Place.tool.path, "run"] + Self.guest + ["--drive", "file=\(try disk(scratch, megabytes: 64))"]
    let result: ProgramResult
    if kind == "limit" {
      result = try scratch.run(["sh", "-c", "ulimit -f 2048 && exec \"$@\"", "sh"] + command)
    } else {
      guard FullDisk.isPossible else { return }
      let small = scratch.path("small")
      result = try scratch.run(FullDisk.command(mountedAt: small, ["env", "TMPDIR=\(small)"] + command))
    }
    #expect(result.status == 1 && result.output.isEmpty)
    let lines = result.errors.split(separator: "\n")
    try #require(lines.count == 2 && lines[0].hasPrefix("rrtool: failed at position "), "\(result.errors)")
    #expect(lines[1].contains(": cannot keep what the guest writes: "))
    #expect(lines[1].hasSuffix("; make room there, or name another folder with TMPDIR"))
  }
}
