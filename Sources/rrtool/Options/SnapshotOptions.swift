// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import RecordingStore

/// The options that say which snapshots a recorder makes by itself.
struct SnapshotOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Make a snapshot about every so many instructions, or every so much guest time (500ms, 2s); off for none.",
      valueName: "n"))
  var snapshotEvery: String?

  @Option(
    help: ArgumentHelp(
      "Keep at most so many of these snapshots; then those go whose neighbours are closest together.",
      valueName: "n"))
  var snapshotLimit = SnapshotPolicy.defaultCountLimit

  @Option(
    help: ArgumentHelp(
      "Keep no more of these snapshots than fit, with the memory and drives of all snapshots, into so many bytes.",
      valueName: "size"))
  var snapshotSpace: String?

  @Option(
    help: ArgumentHelp(
      "Keep only the newest part of the run: give up the oldest snapshots and events when more than so many bytes are taken.",
      valueName: "size"))
  var ring: String?

  func policy() throws(Failure) -> SnapshotPolicy {
    var policy = SnapshotPolicy()
    if let snapshotEvery { policy.spacing = try SnapshotPolicy.Spacing(parsing: snapshotEvery) }
    guard snapshotLimit > 0 else {
      throw Failure(
        .usage, "--snapshot-limit \(snapshotLimit)", "keeps nothing",
        remedy: "give a number of snapshots, or --snapshot-every off")
    }
    policy.countLimit = snapshotLimit
    if let snapshotSpace { policy.byteLimit = try Size.parse(snapshotSpace, option: "--snapshot-space") }
    if let ring {
      let size = try Size.parse(ring, option: "--ring")
      guard size > 0 else {
        throw Failure(.usage, "--ring \(ring)", "keeps nothing", remedy: "give a size such as 500M")
      }
      policy.ringByteLimit = size
    }
    return policy
  }
}
