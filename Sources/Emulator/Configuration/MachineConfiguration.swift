// SPDX-License-Identifier: Apache-2.0

/// What the machine is made of. Two machines with equal configurations and equal boot images are the same machine.
public struct MachineConfiguration: Sendable, Equatable {
  public struct Drive: Sendable, Equatable {
    /// Size in sectors of 512 bytes.
    public var sectorCount: UInt64
    public var isReadOnly: Bool
    /// What the guest's "get id" request answers, at most 20 bytes of ASCII.
    public var serial: String

    public init(sectorCount: UInt64, isReadOnly: Bool, serial: String) {
      self.sectorCount = sectorCount
      self.isReadOnly = isReadOnly
      self.serial = serial
    }
  }

  /// A network card: virtio-net.
  public struct NetworkCard: Sendable, Equatable {
    public var address: MACAddress
    /// The longest payload of a frame, when the guest is told.
    public var mtu: UInt16?

    public init(address: MACAddress, mtu: UInt16? = nil) {
      self.address = address
      self.mtu = mtu
    }
  }

  /// Which interface virtio-mmio slots have.
  public enum Virtio: String, Sendable, CaseIterable {
    /// Version 2, of virtio 1.0 and later.
    case modern
    /// Version 1, from before the standard; QEMU's default.
    case legacy
  }

  /// Sizes of the files that firmware reads through fw_cfg, 0 for one that there is not. Their bytes lie behind RAM, one after the
  /// other.
  public struct FirmwareFiles: Sendable, Equatable {
    public static let sizeLimit: UInt64 = 1 << 31

    public var kernelSize: UInt64 = 0
    public var initrdSize: UInt64 = 0
    /// With the zero at its end.
    public var commandLineSize: UInt64 = 0
    public var size: UInt64 { kernelSize + initrdSize + commandLineSize }

    public init(kernelSize: UInt64 = 0, initrdSize: UInt64 = 0, commandLineSize: UInt64 = 0) {
      self.kernelSize = kernelSize
      self.initrdSize = initrdSize
      self.commandLineSize = commandLineSize
    }
  }

  public static let memorySizeLimit: UInt64 = 64 << 30
  public static let hartCountLimit = 8
  /// QEMU's `virt` board has eight virtio-mmio slots; one is for entropy.
  public static let driveCountLimit = 7
  public static let networkCardLimit = 4
  /// What `NetworkCard.mtu` may be: the least of IPv4, and what fits into the longest frame.
  public static let mtuRange: ClosedRange<UInt16> =
    68...UInt16(NetworkFrame.sizeLimit - NetworkFrame.headerSize)
  public static let shiftLimit = 10

  /// Bytes of RAM, a multiple of 2 MiB.
  public var memorySize: UInt64
  public var hartCount: Int
  /// Guest nanoseconds an instruction: 2 to this power.
  public var shift: Int
  public var drives: [Drive]
  /// What its harts are.
  public var processor: ProcessorModel
  /// Older than `current` for replays of older recordings alone.
  public var revision: MachineRevision
  public var virtio = Virtio.modern
  /// By bank of flash: whether the guest cannot write it.
  public var isFlashReadOnly = [Bool](repeating: false, count: 2)
  /// What firmware is given to read.
  public var firmwareFiles = FirmwareFiles()
  /// Is there a virtio console beside the serial port?
  public var hasVirtioConsole = false
  public var networkCards: [NetworkCard] = []
  /// The command line that semihosting tells; nil for a machine without, where its calls are breakpoints.
  public var semihosting: String?
  /// A reset, whoever asks for it, switches the machine off, as with QEMU's `-no-reboot`.
  public var powersOffAtReset = false

  public init(
    memorySize: UInt64, hartCount: Int, shift: Int, drives: [Drive], processor: ProcessorModel = .rv64,
    revision: MachineRevision = .current
  ) {
    self.memorySize = memorySize
    self.hartCount = hartCount
    self.shift = shift
    self.drives = drives
    self.processor = processor
    self.revision = revision
  }

  /// What its harts have.
  public var extensions: ProcessorExtensions {
    revision.hasProcessorModels ? processor.extensions : .firstRevision
  }
}

extension MachineConfiguration {
  /// How many drives there may be.
  public var driveLimit: Int { Self.driveCountLimit - (hasVirtioConsole ? 1 : 0) - networkCards.count }
}
