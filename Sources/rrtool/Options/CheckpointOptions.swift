// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import TimeTravel

/// The options that say what going back may cost.
struct CheckpointOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Memory for checkpoints, with which a replay goes back at once: bytes, or a number with K, M or G.",
      valueName: "size"))
  var checkpointMemory = "1G"

  func policy() throws(Failure) -> CheckpointPolicy {
    let size = try Size.parse(checkpointMemory, option: "--checkpoint-memory")
    guard size >= CheckpointPolicy.smallestMemoryLimit, let limit = Int(exactly: size) else {
      throw Failure(
        .usage, "--checkpoint-memory \(checkpointMemory)", "is not enough for checkpoints to be of use",
        remedy: "give 16M or more")
    }
    return CheckpointPolicy(memoryLimit: limit)
  }
}
