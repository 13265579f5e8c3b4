// SPDX-License-Identifier: Apache-2.0

extension DeviceTreeNode {
  /// Puts into `/chosen` what the kernel is started with, in the board's tree and in one that was given: as QEMU, what is not
  /// given is left as it stands there.
  mutating func tellKernel(commandLine: String, initrd: Range<UInt64>?) {
    guard !commandLine.isEmpty || initrd != nil else { return }
    change("chosen") {
      if !commandLine.isEmpty {
        $0.remove("bootargs")
        $0.set("bootargs", strings: commandLine)
      }
      if let initrd {
        $0.remove("linux,initrd-start")
        $0.remove("linux,initrd-end")
        $0.set("linux,initrd-start", doublewords: initrd.lowerBound)
        $0.set("linux,initrd-end", doublewords: initrd.upperBound)
      }
    }
  }

  /// Whether it, or a node in it, describes a PCI bus.
  var hasPCI: Bool {
    properties.contains { $0.name == "device_type" && $0.value == Array("pci".utf8) + [0] }
      || children.contains(where: \.hasPCI)
  }
}
