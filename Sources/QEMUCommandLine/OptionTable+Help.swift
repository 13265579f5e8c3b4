// SPDX-License-Identifier: Apache-2.0

extension OptionTable {
  /// What is there for an option whose value asks for that (`help`, `?`, `virtio-blk-device,help`); nil where it is a value like any other.
  static func answer(toHelpOn name: String, _ value: String) -> String? {
    guard ["help", "?"].contains(where: { value == $0 || value.hasSuffix("," + $0) }) else { return nil }
    switch name {
    case "M", "machine": return "virt is there"
    case "cpu": return "rv64, rva22s64 and max are there"
    case "device":
      return
        "virtio-blk-device, virtio-net-device, virtio-rng-device, virtio-serial-device and virtconsole are there"
    case "netdev", "nic": return "user, stream and dgram are there"
    case "chardev": return "stdio, null, file and socket are there"
    case "accel": return "there is nothing to choose; rrtool executes the guest's instructions itself"
    case "object", "global", "audio", "audiodev", "display", "vga", "d", "trace", "plugin", "watchdog",
      "tpmdev", "L":
      return "is about QEMU itself"
    default: return nil
    }
  }
}
