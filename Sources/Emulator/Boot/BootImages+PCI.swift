// SPDX-License-Identifier: Apache-2.0

extension BootImages {
  /// Whether the command line names PCI or a disk that only PCI has, or the given tree describes a PCI bus: worth a word to the user,
  /// who would otherwise look for a disk that never appears.
  public var asksForPCI: Bool {
    let words = commandLine.split(separator: " ")
    let isAsked = words.contains { word in
      ["pci=", "virtio_pci.", "root=/dev/nvme", "root=/dev/sd"].contains { word.hasPrefix($0) }
    }
    if isAsked { return true }
    guard let deviceTree, let tree = try? DeviceTreeFile(deviceTree) else { return false }
    return tree.root.hasPCI
  }
}
