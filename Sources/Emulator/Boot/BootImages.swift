// SPDX-License-Identifier: Apache-2.0

/// The files a machine boots from, as bytes.
public struct BootImages: Sendable, Equatable {
  /// An ELF or flat image that starts in M mode at the reset vector's target. Nil: the built-in SBI.
  public var bios: [UInt8]?
  /// A Linux `Image`, its EFI/PE form, or an ELF file.
  public var kernel: [UInt8]?
  public var initrd: [UInt8]?
  /// The kernel's command line.
  public var commandLine: String
  /// Without a bios: the kernel starts in M mode where RAM begins, as QEMU has it with `-bios none`.
  public var startsInMachineMode = false
  /// A flattened device tree to use in place of the board's own.
  public var deviceTree: [UInt8]?
  /// Random numbers for the kernel (`/chosen/rng-seed`), drawn by whoever makes the guest. They are part of the start, so
  /// a replay and every reset find the same.
  public var randomSeed: [UInt8]?
  /// What each bank of flash holds; nil for one that holds zeros. With the first one given, that is what starts, and kernel, initrd and
  /// command line are its to read.
  public var flash: [[UInt8]?] = [nil, nil]

  public init(
    bios: [UInt8]? = nil, kernel: [UInt8]? = nil, initrd: [UInt8]? = nil, commandLine: String = ""
  ) {
    self.bios = bios
    self.kernel = kernel
    self.initrd = initrd
    self.commandLine = commandLine
  }
}
