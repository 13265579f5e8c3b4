// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Emulator
import Execution
import HostSystem
import RecordingStore

/// The drives of a run that is being recorded as a replay has them: the images as they were at the start, only read, and all that was
/// written since.
///
/// The recording's own images are at work on other threads, and have been written beyond where somebody goes back to.
final class LiveDrives: DriveWatcher {
  let overlays: [ScratchOverlay]
  private let storage: [ImageStorage]
  private let late = LateAnswers()
  /// Why they do not have all that was written.
  private(set) var failure: Failure?

  init(of recording: Recording) throws(Failure) {
    var overlays: [ScratchOverlay] = []
    for index in recording.manifest.drives.indices {
      overlays.append(
        try ReplayedDrive(index, of: recording, at: recording.manifest.initialSnapshot, nil).scratch)
    }
    self.overlays = overlays
    storage = overlays.map { ImageStorage($0) }
  }

  /// As a replay from here asks them. What was asked for and not answered comes when it was answered.
  var replayed: ReplayDrives { ReplayDrives(storage: storage, late: late) }

  func noteRequest(_ request: BlockRequest) {
    late.noteRequest(request)
    // What is read need not be read twice.
    if case .read = request.operation { return }
    do throws(Failure) {
      _ = try storage[request.drive].perform(request)
    } catch {
      failure = failure ?? error
    }
  }

  func noteDelivery(_ completion: BlockCompletion) { late.noteDelivery(completion) }

  /// Of the machine at present.
  func checkpoint(of machine: Machine, eventCount: UInt64) -> Checkpoint {
    late.noteCheckpoint()
    let state = machine.saveState()
    let contents = overlays.map { $0.takeContents() }
    return Checkpoint(
      position: machine.now.position, machine: state,
      gate: ReplayGate.State(eventCount: eventCount, drives: replayed), drives: contents.map(\.contents),
      byteCount: state.count + contents.reduce(0) { $0 + $1.newByteCount })
  }

  func restore(_ checkpoint: Checkpoint) {
    for (overlay, contents) in zip(overlays, checkpoint.drives) {
      if let contents { overlay.contents = contents }
    }
  }
}
