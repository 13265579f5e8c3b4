import DiskImage
import Emulator

/// A run of which nothing is kept: not even what the guest writes to its drives.
public final class PlainRun {
  private let machine: Machine
  private let live: LiveGate
  private let workers: [BlockWorker]

  public init(_ guest: Guest, inbox: Inbox, console: any ConsoleOutput) throws(Failure) {
    var manifests: [RecordingManifest.Drive] = []
    var workers: [BlockWorker] = []
    for (index, option) in guest.drives.enumerated() {
      let base: any BlockImage
      switch option.source {
      case .blank(let size): base = ZeroImage(size: size)
      case .file(let path, let format):
        guard option.overlay == .automatic else {
          throw Failure(
            .usage, "--drive file=\(path)", "a run that is not recorded keeps nothing and has no overlay",
            remedy: "leave out 'overlay', or use 'rrtool record'")
        }
        let format = try BaseImages.format(of: path, stated: format)
        base = try withImageFailures({ () throws(DiskImageError) in
          try ImageOpener().open(path, format: format)
        })
        guard base.size > 0 else {
          throw Failure(
            .file, path, "is empty, which no drive can be",
            remedy: "make it larger, for instance with truncate")
        }
      }
      manifests.append(
        .init(
          sectorCount: UInt64(base.size / 512), readOnly: option.readOnly, serial: "rrtool-\(index)",
          overlay: nil,
          bases: [], recordsInto: false))
      workers.append(BlockWorker(storage: ImageStorage(ScratchOverlay(base: base)), inbox: inbox))
    }
    let configuration = try guest.configuration(drives: manifests)
    self.workers = workers
    live = LiveGate(inbox: inbox, drives: workers, console: console, sleeps: guest.sleeps)
    machine = Machine(
      configuration: configuration, plan: try guest.plan(configuration), gate: live, engine: guest.engine)
    live.machine = machine
  }

  /// Runs to the end, or to the position `limit`.
  public func run(limit: UInt64? = nil) -> RunResult {
    let outcome = LiveRun(machine: machine, live: live).run(limit: limit, interval: nil, atInterval: {})
    for worker in workers { worker.finish() }
    return RunResult(
      ending: .init(outcome.end, at: machine.now, failure: outcome.failure), failure: outcome.failure)
  }
}

/// A disk of zeros, the base of a drive that starts blank.
final class ZeroImage: BlockImage {
  let size: Int
  let isReadOnly = true
  let path = "blank drive"

  init(size: Int) { self.size = size }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskImageError) {
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
  }
  func write(at offset: Int, from bytes: UnsafeRawBufferPointer) throws(DiskImageError) {
    preconditionFailure("the base of a drive is never written")
  }
  func writeZeroes(at offset: Int, count: Int) throws(DiskImageError) {
    preconditionFailure("the base of a drive is never written")
  }
  func flush() throws(DiskImageError) {}
}
