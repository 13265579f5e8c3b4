/// Why a machine cannot be started from the images it was given.
public enum BootError: Error, Equatable, Sendable {
  /// `image` ("bios", "kernel", "initrd", "device tree", "command line") cannot be used; `reason` says what is wrong and
  /// what to do.
  case unusable(image: String, reason: String)
}

extension BootPlan {
  /// Lays out the images in memory as QEMU's `virt` board does.
  public init(images: BootImages, configuration: MachineConfiguration) throws(BootError) {
    fatalError("being written")
  }
}
