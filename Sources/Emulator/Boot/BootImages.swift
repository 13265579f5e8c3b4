/// The files a machine boots from, as bytes.
public struct BootImages: Sendable, Equatable {
  /// An ELF or flat image that starts in M mode at the reset vector's target. Nil: the built-in SBI.
  public var bios: [UInt8]?
  /// A Linux `Image`, its EFI/PE form, or an ELF file.
  public var kernel: [UInt8]?
  public var initrd: [UInt8]?
  /// The kernel's command line.
  public var commandLine: String

  public init(
    bios: [UInt8]? = nil, kernel: [UInt8]? = nil, initrd: [UInt8]? = nil, commandLine: String = ""
  ) {
    self.bios = bios
    self.kernel = kernel
    self.initrd = initrd
    self.commandLine = commandLine
  }
}
