// SPDX-License-Identifier: Apache-2.0

import Emulator
import Execution
import HostSystem
import RecordingStore

extension RunOrigin {
  /// Where `timeline` stands, which must not be moved any more.
  ///
  /// - Parameter networks: what the wires of its network cards lead to, the first cards first: nothing, where there are too few.
  init(leaving timeline: Timeline, networks: [NetworkOptions]) throws(Failure) {
    let recording = timeline.recording
    let manifest = recording.manifest
    guard timeline.ended == nil else {
      throw Failure(
        .usage, "--live", "the recorded run is over here: the machine is off", remedy: "leave it earlier")
    }
    let cardCount = manifest.machine.networkCards?.count ?? 0
    guard networks.count <= cardCount else {
      throw Failure(
        .usage, networks[cardCount].option,
        cardCount == 0
          ? "the recorded machine has no network card"
          : "the recorded machine has only \(cardCount) network card\(cardCount == 1 ? "" : "s")",
        remedy: "leave it out")
    }
    let regions = try ReplaySession.bootRegions(of: recording)
    var boot = manifest.boot
    boot.snapshot = RecordingManifest.branchBootSnapshot
    self.init(
      name: HostFiles.lastName(of: recording.path), configuration: manifest.configuration,
      plan: manifest.boot.plan { region in regions.first { $0.address == region.address }?.bytes ?? [] },
      engine: timeline.engine, sleeps: manifest.machine.sleep, boot: boot,
      networks: (0..<cardCount).map { $0 < networks.count ? networks[$0] : nil },
      left: Left(
        machine: timeline.machine.saveState(), memory: timeline.machine.memory,
        pending: timeline.session.gate.pendingResults,
        branch: .init(parent: HostFiles.absolute(recording.path), position: timeline.position)))
  }
}
