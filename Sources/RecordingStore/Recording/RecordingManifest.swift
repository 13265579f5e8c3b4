// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Emulator

/// `recording.json`: what a recording is of and what belongs to it. docs/formats/recording.md describes it.
///
/// What is read from a file has passed `check`; only then are its parts used.
public struct RecordingManifest: Codable, Equatable, Sendable {
  public static let formatName = "rrtool recording"
  /// The version of a recording that starts where its machine was switched on; all before 0.2 read it.
  public static let plainVersion = 1
  /// The same that may start anywhere: `boot.snapshot` has what a reset needs.
  public static let movedStartVersion = 2
  /// Since this one `machine.revision` says which machine a recording was made on; those before are the first's.
  static let revisionVersion = 3
  /// The version that is written, and the newest that is read: the bases of drives are known by what was read of them.
  public static let formatVersion = 4
  public static let toolVersion = "0.1"

  public enum State: String, Codable, Sendable {
    /// Being recorded, or its recorder was killed.
    case recording
    /// The guest came to an end, or to the limit it was given.
    case complete
    /// Its user or the host ended the recording; all up to there is in it.
    case interrupted

    /// In words, for people, while its recorder is at work.
    package static let beingMade = "being made: its recorder is at work"

    /// In words, for people. A recorder that was killed cannot say so: what it leaves looks like one still at work.
    package var summary: String {
      switch self {
      case .recording: "incomplete: its recorder was killed or failed, or is still at work"
      case .complete: "complete"
      case .interrupted: "interrupted; all up to there is in it"
      }
    }
  }

  public struct Boot: Codable, Equatable, Sendable {
    public struct Image: Codable, Equatable, Sendable {
      /// "bios", "kernel" or "initrd".
      public var role: String
      public var path: String
      public var size: UInt64
      /// `Digest.of` the file, 16 hexadecimal digits.
      public var digest: String
      /// Which build of which program it is; nil where nothing says so, and in recordings of older tools.
      public var program: Program?

      package init(role: String, path: String, size: UInt64, digest: String, program: Program? = nil) {
        self.role = role
        self.path = path
        self.size = size
        self.digest = digest
        self.program = program
      }
    }

    /// A part of memory that is set when the machine starts. Its bytes are those of `snapshot`.
    public struct Region: Codable, Equatable, Sendable {
      public var address: UInt64
      public var length: UInt64

      package init(address: UInt64, length: UInt64) {
        self.address = address
        self.length = length
      }
    }

    public enum Mode: String, Codable, Sendable {
      case machine
      case supervisor
    }

    public var images: [Image]
    public var commandLine: String
    /// The mode in which the machine starts: `supervisor` on the built-in SBI.
    public var mode: Mode
    public var entry: UInt64
    public var deviceTreeAddress: UInt64
    public var nextStageAddress: UInt64?
    public var toHostAddress: UInt64?
    public var fromHostAddress: UInt64?
    public var regions: [Region]
    /// The snapshot in the memory image whose memory has the regions' bytes, when the initial one does not.
    public var snapshot: String?

    package init(
      images: [Image], commandLine: String, mode: Mode, entry: UInt64, deviceTreeAddress: UInt64,
      nextStageAddress: UInt64? = nil, toHostAddress: UInt64? = nil, fromHostAddress: UInt64? = nil,
      regions: [Region], snapshot: String? = nil
    ) {
      self.images = images
      self.commandLine = commandLine
      self.mode = mode
      self.entry = entry
      self.deviceTreeAddress = deviceTreeAddress
      self.nextStageAddress = nextStageAddress
      self.toHostAddress = toHostAddress
      self.fromHostAddress = fromHostAddress
      self.regions = regions
      self.snapshot = snapshot
    }
  }

  public struct Machine: Codable, Equatable, Sendable {
    public var memorySize: UInt64
    public var hartCount: Int
    /// Guest nanoseconds an instruction: 2 to this power.
    public var shift: Int
    /// Whether idle time passed as fast as the host's.
    public var sleep: Bool
    /// `ProcessorModel`; nil for the one that is taken when nothing is said.
    public var processor: String?
    /// `MachineRevision`; nil for the first.
    public var revision: Int?
    /// `MachineConfiguration.Virtio`; nil for modern.
    public var virtio: String?
    /// By bank of flash: whether the guest cannot write it. Nil: it can write both.
    public var isFlashReadOnly: [Bool]?
    /// Sizes of the files that firmware is given to read; nil for none.
    public var firmwareFiles: FirmwareFiles?
    /// Whether there is a virtio console; nil for none.
    public var virtioConsole: Bool?
    /// The command line that semihosting tells; nil without semihosting.
    public var semihosting: String?
    /// Whether a reset switches the machine off; nil where it starts it again.
    public var powersOffAtReset: Bool?
    /// Nil for a machine without.
    public var networkCards: [NetworkCard]?

    package init(
      memorySize: UInt64, hartCount: Int, shift: Int, sleep: Bool, processor: String? = nil,
      revision: Int? = nil, virtio: String? = nil, isFlashReadOnly: [Bool]? = nil,
      firmwareFiles: FirmwareFiles? = nil, virtioConsole: Bool? = nil, semihosting: String? = nil,
      powersOffAtReset: Bool? = nil
    ) {
      self.memorySize = memorySize
      self.hartCount = hartCount
      self.shift = shift
      self.sleep = sleep
      self.processor = processor
      self.revision = revision
      self.virtio = virtio
      self.isFlashReadOnly = isFlashReadOnly
      self.firmwareFiles = firmwareFiles
      self.virtioConsole = virtioConsole
      self.semihosting = semihosting
      self.powersOffAtReset = powersOffAtReset
    }

    public struct FirmwareFiles: Codable, Equatable, Sendable {
      public var kernelSize: UInt64
      public var initrdSize: UInt64
      public var commandLineSize: UInt64
    }
  }

  public struct Drive: Codable, Equatable, Sendable {
    public struct Base: Codable, Equatable, Sendable {
      /// From the root.
      public var path: String
      public var format: ImageFormat
      /// From the recording's folder, since version 4: how it is found when both were moved.
      public var relativePath: String?
      /// Bytes of the file, since version 4. What was read of it is in `BaseDigests`.
      public var size: UInt64?
      /// Before version 4: of the whole file.
      public var fingerprint: ImageFingerprint?
      /// Of a recording that was packed: true when it has no more than what the run has read. All else is unknown, not zero.
      public var partial: Bool?
      /// Of a qcow2 image with an external data file: that file, from the root.
      public var dataPath: String?

      /// The files that it is made of.
      var files: [String] { [path] + (dataPath.map { [$0] } ?? []) }

      package init(
        path: String, format: ImageFormat, relativePath: String? = nil, size: UInt64? = nil,
        fingerprint: ImageFingerprint? = nil, partial: Bool? = nil, dataPath: String? = nil
      ) {
        self.path = path
        self.format = format
        self.relativePath = relativePath
        self.size = size
        self.fingerprint = fingerprint
        self.partial = partial
        self.dataPath = dataPath
      }
    }

    public var sectorCount: UInt64
    public var readOnly: Bool
    public var serial: String
    /// Where the guest's writes are: a name in the recording's folder, or a path from the root. Nil for a drive that
    /// cannot be written.
    public var overlay: String?
    /// The images under the overlay, each over the next; without an overlay the first is the drive's image itself.
    /// None of them is ever written. Empty when what the overlay does not hold is zero.
    public var bases: [Base]
    /// `overlay=none`: the overlay is the user's own image, and no part of the recording.
    public var recordsInto: Bool

    package init(
      sectorCount: UInt64, readOnly: Bool, serial: String, overlay: String? = nil, bases: [Base],
      recordsInto: Bool
    ) {
      self.sectorCount = sectorCount
      self.readOnly = readOnly
      self.serial = serial
      self.overlay = overlay
      self.bases = bases
      self.recordsInto = recordsInto
    }
  }

  public struct Ending: Codable, Equatable, Sendable {
    public enum Reason: String, Codable, Sendable {
      case poweredOff = "powered off"
      case interrupted
      case limit
      case idleForever = "idle for ever"
      /// Harts run, and can never do anything else than what they do.
      case lost
      case failed
    }

    /// What a recorder was told of its user's beforehand, and was the reason to end the run.
    public enum Cause: String, Sendable {
      /// It took as much of the host's time as it was given.
      case timeout
      /// The console said what the run was to be stopped at.
      case match
    }

    public var reason: Reason
    /// The guest's exit status when it powered off.
    public var status: UInt32
    public var position: UInt64
    public var time: UInt64
    /// The line that says what failed, or what harts were doing that could do nothing else any more.
    public var note: String?
    /// A `Cause`: any text, as later ones may come.
    private var causeName: String?

    public var cause: Cause? {
      get { causeName.flatMap(Cause.init) }
      set { causeName = newValue?.rawValue }
    }

    private enum CodingKeys: String, CodingKey {
      case reason, status, position, time, note
      case causeName = "cause"
    }

    package init(reason: Reason, status: UInt32, position: UInt64, time: UInt64, note: String? = nil) {
      self.reason = reason
      self.status = status
      self.position = position
      self.time = time
      self.note = note
    }
  }

  public var format: String
  public var version: Int
  /// The rrtool that made it.
  public var tool: String
  public var state: State
  /// When recording started: nanoseconds since 1970, UTC.
  public var created: UInt64
  public var machine: Machine
  public var boot: Boot
  public var drives: [Drive]
  /// Name of the snapshot of the start.
  public var initialSnapshot: String
  /// The log: a name in the folder, or a path from the root (`rrfile=`).
  public var log: String
  /// Instructions between two digests of the state in the log.
  public var digestInterval: UInt64
  /// Entries of `bases.digests` at the end; since version 4.
  public var baseClusterCount: Int?
  public var ending: Ending?
  /// ELF files in the folder that name the guest's code, which `pack --symbols` put there.
  public var symbols: [String]?
  /// For one that another recording was left for: the other's folder, and where it was left.
  public var branch: Branch?

  package init(
    format: String, version: Int, tool: String, state: State, created: UInt64, machine: Machine, boot: Boot,
    drives: [Drive], initialSnapshot: String, log: String, digestInterval: UInt64,
    baseClusterCount: Int? = nil, ending: Ending? = nil, symbols: [String]? = nil, branch: Branch? = nil
  ) {
    self.format = format
    self.version = version
    self.tool = tool
    self.state = state
    self.created = created
    self.machine = machine
    self.boot = boot
    self.drives = drives
    self.initialSnapshot = initialSnapshot
    self.log = log
    self.digestInterval = digestInterval
    self.baseClusterCount = baseClusterCount
    self.ending = ending
    self.symbols = symbols
    self.branch = branch
  }

  public struct Branch: Codable, Equatable, Sendable {
    public var parent: String
    public var position: UInt64

    package init(parent: String, position: UInt64) {
      self.parent = parent
      self.position = position
    }
  }
}

extension RecordingManifest {
  /// More files with symbols than any guest has programs that are looked into.
  static let symbolFileLimit = 32

  /// Its name in a recording that does not start at power-on.
  package static let branchBootSnapshot = "replay_boot"

  /// The snapshot whose memory has what stands there when the machine starts.
  package var bootSnapshot: String { boot.snapshot ?? initialSnapshot }

  /// The machine it describes.
  public var configuration: MachineConfiguration {
    var configuration = MachineConfiguration(
      memorySize: machine.memorySize, hartCount: machine.hartCount, shift: machine.shift,
      drives: drives.map { .init(sectorCount: $0.sectorCount, isReadOnly: $0.readOnly, serial: $0.serial) },
      processor: machine.processor.flatMap(ProcessorModel.init) ?? .rv64,
      revision: machine.revision.flatMap(MachineRevision.init) ?? .first)
    configuration.virtio = machine.virtio.flatMap(MachineConfiguration.Virtio.init) ?? .modern
    configuration.hasVirtioConsole = machine.virtioConsole ?? false
    configuration.semihosting = machine.semihosting
    configuration.powersOffAtReset = machine.powersOffAtReset ?? false
    machine.attach(to: &configuration)
    machine.attachNetwork(to: &configuration)
    return configuration
  }
}
