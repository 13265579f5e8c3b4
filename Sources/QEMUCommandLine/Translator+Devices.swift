// SPDX-License-Identifier: Apache-2.0

/// What `-device` adds.
extension Translator {
  struct Attached {
    var drives: [Drive] = []
    /// There is a device on virtio-mmio.
    var hasMappedDevices = false
    var console: CharacterBackend?
    /// Of network cards, in their order.
    var network: [String] = []
  }

  private static let slotCount = 8

  mutating func attachDevices() -> Attached {
    var attached = Attached()
    var placed: [(slot: Int, isAsked: Bool, drive: Drive)] = []
    var taken: Set<Int> = []
    var used: Set<String> = []
    for device in devices {
      var properties = device.properties
      guard var type = properties.take("driver") else {
        refuse(device.text, "names no device")
        continue
      }
      if request.leavesOut,
        ["virtio-blk-pci", "virtio-net-pci", "virtio-rng-pci", "virtio-serial-pci"].contains(
          where: type.hasPrefix)
      {
        let name = String(type[..<(type.range(ofPCI: ()) ?? type.endIndex)])
        note(device.text, "is on virtio-mmio here")
        type = name + "-device"
        _ = properties.take("bus")
      }
      if ["virtio-blk", "virtio-net", "virtio-rng", "virtio-serial"].contains(type) {
        // The board's own choice of the two is PCI; which one a driver finds is the same to most guests.
        note(device.text, "is on virtio-mmio here, on PCI with QEMU")
        type += "-device"
      }
      var slot: Int?
      if type.hasPrefix("virtio-"), type.hasSuffix("-device") {
        slot = takeSlot(of: properties.take("bus"), &taken, device.text)
        attached.hasMappedDevices = true
      }
      do throws(WordProblem) {
        switch type {
        case "virtio-blk-device":
          guard let name = properties.take("drive") else { throw WordProblem("names no drive") }
          guard let drive = try medium(name, option: device.text) else {
            throw WordProblem("there is no drive '\(name)'")
          }
          used.insert(name)
          if let image = drives.last(where: { $0.id == name })?.image { used.insert(image) }
          checkDrive(&properties, device.text)
          placed.append(
            (
              slot ?? 0,
              slot.map { device.properties.fields.contains { $0.key == "bus" } && $0 >= 0 } ?? false, drive
            ))
        case "virtio-net-device": attached.network += connect(properties, device.text)
        case "virtio-rng-device":
          if properties.take("max-bytes") != nil || properties.take("period") != nil {
            note(device.text, "there is no limit to how much it gives")
          }
        case "virtio-serial-device": break
        case "virtconsole":
          if attached.console != nil { throw WordProblem("one virtio console is there") }
          attached.console = .named(properties.take("chardev") ?? "")
          if attached.console == .named("") { attached.console = .null }
        case "vmcoreinfo": break
        default: miss(device.text, Self.whyNot(type))
        }
      } catch {
        refuse(device.text, error.text)
      }
    }
    for network in networks where !usedNetworks.contains(network.id) {
      note(network.option, "no device uses it")
    }
    attached.network += cardWords()
    attached.drives = ordered(placed)
    for drive in drives where drive.interface != "pflash" && !used.contains(drive.id ?? "") {
      if drive.interface == "none" {
        if !drives.contains(where: { $0.image == drive.id && drive.id != nil }) {
          note(drive.option, "no device uses it")
        }
      } else {
        note(drive.option, "is on virtio-mmio here, on PCI with QEMU")
        attached.drives.append(drive)
      }
    }
    return attached
  }

  /// The slot that QEMU gives a device: the one that is asked for, or the last one that is free.
  private mutating func takeSlot(of bus: String?, _ taken: inout Set<Int>, _ text: String) -> Int? {
    if let bus {
      guard bus.hasPrefix("virtio-mmio-bus."), let slot = Int(bus.dropFirst(16)),
        (0..<Self.slotCount).contains(slot)
      else {
        refuse(text, "there is no such bus; virtio-mmio-bus.0 to virtio-mmio-bus.7 are there")
        return nil
      }
      if !taken.insert(slot).inserted { refuse(text, "slot \(slot) has a device already") }
      return slot
    }
    guard let slot = (0..<Self.slotCount).last(where: { !taken.contains($0) }) else {
      refuse(text, "all eight slots have a device")
      return nil
    }
    taken.insert(slot)
    return slot
  }

  /// Drives are in the slots from 0 on. Guests that know their slots have asked for them; the others count disks, and on QEMU the last
  /// slot comes first.
  private mutating func ordered(_ placed: [(slot: Int, isAsked: Bool, drive: Drive)]) -> [Drive] {
    guard placed.contains(where: \.isAsked) else { return placed.map(\.drive) }
    let inOrder = placed.sorted { $0.slot < $1.slot }
    for (index, place) in inOrder.enumerated() where place.isAsked && place.slot != index {
      note(place.drive.option, "the drive is in slot \(index) here, at \("0x1000\(index + 1)000")")
    }
    if placed.count > 1 {
      note(
        "-device virtio-blk-device,bus=",
        "the drive in the lowest slot is vda here, the one in the highest with QEMU")
    }
    return inOrder.map(\.drive)
  }

  private mutating func checkDrive(_ properties: inout Properties, _ text: String) {
    if properties.take("serial") != nil { miss(text, "a drive's serial number cannot be given") }
    for key in ["logical_block_size", "physical_block_size"] {
      if let size = properties.take(key), size != "512" { miss(text, "sectors have 512 bytes") }
    }
    if let count = properties.take("num-queues"), count != "1" { note(text, "a drive has one queue") }
  }

  private static func whyNot(_ type: String) -> String {
    if type.hasPrefix("virtio-net-pci") { return "there is no PCI; virtio-net-device is there" }
    if type.hasPrefix("e1000") || type.hasPrefix("rtl8139") || type.hasPrefix("igb") {
      return "there is no PCI, and the one network card is virtio-net-device"
    }
    if type.hasPrefix("virtio-blk-pci") { return "there is no PCI; virtio-blk-device is there" }
    if type.hasPrefix("virtio-rng-pci") { return "there is no PCI; virtio-rng-device is there" }
    if type.hasPrefix("virtio-serial-pci") { return "there is no PCI; virtio-serial-device is there" }
    if type.contains("-pci") || type.hasPrefix("pci") || type.hasPrefix("nvme") { return "there is no PCI" }
    if type == "loader" || type == "guest-loader" {
      return "nothing is loaded beside --bios, --kernel, --initrd, --dtb and flash"
    }
    return "there is no such device"
  }
}

extension String {
  /// Where `-pci` begins.
  fileprivate func range(ofPCI: Void) -> Index? {
    indices.first { self[$0...].hasPrefix("-pci") }
  }
}
