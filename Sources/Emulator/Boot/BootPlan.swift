// SPDX-License-Identifier: Apache-2.0

/// Where everything lies in memory when the machine starts, and how it starts.
public struct BootPlan: Sendable, Equatable {
  /// Bytes that stand in RAM at power-on and after every reset. Regions lie within RAM and do not overlap; all RAM
  /// outside them is zero, which is what a program's uninitialized data rely on.
  public struct Region: Sendable, Equatable {
    public var address: UInt64
    public var bytes: [UInt8]

    public init(address: UInt64, bytes: [UInt8]) {
      self.address = address
      self.bytes = bytes
    }
  }

  public enum Start: Sendable, Equatable {
    /// Every hart starts in M mode in the boot ROM, which jumps to `entry` with a0 = hart id, a1 = device tree and a2 =
    /// the fw_dynamic information in the ROM, as QEMU's reset vector does.
    case machineMode(entry: UInt64)
    /// Hart 0 starts in S mode at `entry` with a0 = 0, a1 = device tree; the others wait for SBI HSM.
    case builtInSBI(entry: UInt64)
  }

  /// Bytes that lie behind RAM at power-on: what flash holds, and what firmware is given. A reset leaves them alone.
  public struct AttachedPart: Sendable, Equatable {
    /// From the end of RAM on.
    public var offset: UInt64
    public var bytes: [UInt8]

    public init(offset: UInt64, bytes: [UInt8]) {
      self.offset = offset
      self.bytes = bytes
    }
  }

  public var regions: [Region]
  public var attached: [AttachedPart] = []
  public var start: Start
  public var deviceTreeAddress: UInt64
  /// Address of the payload for a `--bios` that looks for fw_dynamic information (OpenSBI); nil when there is none.
  public var nextStageAddress: UInt64?
  /// riscv-tests and other HTIF programs: the physical address of the ELF symbol `tohost`, if the bios has one.
  public var toHostAddress: UInt64?
  /// The same of `fromhost`, where such programs find answers.
  public var fromHostAddress: UInt64?

  public init(
    regions: [Region], start: Start, deviceTreeAddress: UInt64, nextStageAddress: UInt64? = nil,
    toHostAddress: UInt64? = nil, fromHostAddress: UInt64? = nil
  ) {
    self.regions = regions
    self.start = start
    self.deviceTreeAddress = deviceTreeAddress
    self.nextStageAddress = nextStageAddress
    self.toHostAddress = toHostAddress
    self.fromHostAddress = fromHostAddress
  }
}

/// Why a machine cannot be started from the images it was given.
public enum BootError: Error, Equatable, Sendable, CustomStringConvertible {
  /// `image` ("bios", "kernel", "initrd", "device tree", "command line") cannot be used; `reason` says what is wrong and
  /// what to do.
  case unusable(image: String, reason: String)

  public var description: String {
    switch self {
    case .unusable(let image, let reason): "\(image): \(reason)"
    }
  }
}
