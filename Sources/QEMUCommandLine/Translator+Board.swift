// SPDX-License-Identifier: Apache-2.0

/// The machine: board, harts, memory, what is loaded into it.
extension Translator {
  mutating func applyMachine(_ value: String, _ text: String) throws(WordProblem) {
    var properties = try Properties(value, implied: "type")
    if let type = properties.take("type") {
      hasMachine = true
      guard type == "virt" else { throw WordProblem("rrtool has the board virt alone") }
    }
    for (key, value) in properties.fields {
      func isOff() -> Bool { Properties.flag(value) == false }
      switch key {
      case "kernel", "initrd", "dtb": files[key] = value
      case "firmware": files["bios"] = value
      case "append": kernelCommandLine = value
      case "dumpdtb": treeTarget = value
      case "accel": applyAccelerator(value, "-machine accel=\(value)")
      case "pflash0": flashNodes[0] = value
      case "pflash1": flashNodes[1] = value
      case "aclint" where !isOff():
        // The devices for M mode are at the same addresses; firmware does not ask S mode for interrupts by the third one.
        note("-machine aclint=\(value)", "the board has a CLINT at the same place, and no SSWI for S mode")
      case "aia" where value != "none": miss("-machine aia=\(value)", "the board has a PLIC and no AIA")
      case "iommu-sys" where !isOff(): miss("-machine iommu-sys=\(value)", "the board has no IOMMU")
      case "usb" where !isOff(): miss("-machine usb=\(value)", "the board has no USB")
      case "acpi" where value == "on":
        miss("-machine acpi=on", "the board has a device tree and no ACPI tables")
      case "secure", "virtualization": throw WordProblem("'\(key)' is of another processor's board")
      case "aclint", "aia", "aia-guests", "iommu-sys", "usb", "acpi", "memory-backend", "graphics",
        "mem-merge", "dump-guest-core",
        "kernel-irqchip", "kernel_irqchip", "suppress-vmdesc", "phandle-start", "dt-compatible", "spcr":
        break
      default: throw WordProblem("the board has no '\(key)'")
      }
    }
  }

  mutating func applyAccelerator(_ value: String, _ text: String) {
    let name = value.split(separator: ",").first.map(String.init) ?? ""
    if name != "tcg", name != "accel=tcg" { note(text, "rrtool executes the guest's instructions itself") }
  }

  mutating func applyMemory(_ value: String, _ text: String) throws(WordProblem) {
    var properties = try Properties(value, implied: "size")
    if let size = properties.take("size"), !size.isEmpty {
      let bytes = try MemorySize.parse(size)
      // QEMU gives what it gives without -m. It has whole blocks of 8 KiB, rrtool of 2 MiB.
      let block: UInt64 = 2 << 20
      memory = bytes == 0 ? 128 << 20 : (bytes &+ (block - 1)) & ~(block - 1)
      if bytes % block != 0 { note(text, "memory comes in blocks of 2M: \(MemorySize.describe(memory))") }
    }
    if properties.take("slots") != nil { note(text, "nothing can be plugged in later") }
    _ = properties.take("maxmem")
    if let other = properties.fields.first { throw WordProblem("'\(other.key)' says nothing of memory") }
  }

  /// What harts have of the names by which QEMU's properties call them.
  private enum Extensions {
    static let everywhere: Set<String> = [
      "i", "m", "a", "f", "d", "c", "s", "u", "g", "zba", "zbb", "zbs", "sstc", "zicsr", "zifencei",
      "zihintpause", "zicntr", "mmu",
      "pmp", "sv39", "Counters", "Zifencei", "Zicsr",
    ]
    static let models: [String: Set<String>] = [
      "rv64": ["zicbom", "zicbop", "zicboz", "zihintntl", "zawrs", "zfa", "zbc", "svadu", "sv48"],
      "rva22s64": ["zicbom", "zicbop", "zicboz", "zfhmin", "svinval", "svpbmt", "svade", "b"],
      "max": [
        "zicbom", "zicbop", "zicboz", "zihintntl", "zawrs", "zfa", "zbc", "svadu", "sv48", "zicond", "zcb",
        "zimop", "zcmop", "zacas",
        "zabha", "zfhmin", "zfh", "svinval", "svnapot", "svpbmt", "sscofpmf", "b",
      ],
    ]
  }

  mutating func applyProcessor(_ value: String, _ text: String) throws(WordProblem) {
    var properties = try Properties(value, implied: "model")
    var model = properties.take("model") ?? ""
    if model == "any" || model == "rv64gc" {
      note("-cpu \(model)", "is rv64 here")
      model = "rv64"
    }
    guard let more = Extensions.models[model] else {
      miss("-cpu \(model)", "there is no such processor; rv64, rva22s64 and max are there")
      return
    }
    processor = model
    for (key, value) in properties.fields {
      let option = "-cpu \(model),\(key)=\(value)"
      guard let isOn = Properties.flag(value) else {
        applyProcessorValue(key, value, option)
        continue
      }
      let isThere = Extensions.everywhere.contains(key) || more.contains(key)
      if isOn, !isThere {
        let isElsewhere = Extensions.models["max"]?.contains(key) ?? false
        miss(
          option,
          isElsewhere ? "\(model) harts have no such thing; those of -cpu max do" : "harts have no such thing"
        )
      } else if !isOn, isThere {
        miss(option, "\(model) harts have it always")
      }
    }
  }

  private mutating func applyProcessorValue(_ key: String, _ value: String, _ option: String) {
    switch (key, value) {
    case ("cbom_blocksize", "64"), ("cboz_blocksize", "64"), ("cbop_blocksize", "64"): break
    case ("mvendorid", "0"), ("marchid", "0"), ("mimpid", "0"), ("pmu-num", "0"), ("pmu-mask", "0"): break
    case ("vlen", _), ("elen", _), ("vext_spec", _), ("priv_spec", _), ("bext_spec", _), ("pmu-num", _),
      ("pmu-mask", _):
      note(option, "harts have what the model has")
    default: miss(option, "a hart cannot be told that")
    }
  }

  mutating func applyGlobal(_ value: String, _ text: String) throws(WordProblem) {
    // `driver.property=value`, or all three by name.
    let name: String
    var setting: String
    if value.hasPrefix("driver=") {
      var properties = try Properties(value)
      name = "\(properties.take("driver") ?? "").\(properties.take("property") ?? "")"
      setting = properties.take("value") ?? ""
    } else {
      guard let equals = value.firstIndex(of: "=") else {
        throw WordProblem("is not of the form driver.property=value")
      }
      name = String(value[..<equals])
      setting = String(value[value.index(after: equals)...])
    }
    guard name == "virtio-mmio.force-legacy" else {
      if name.hasPrefix("rv64-") || name.hasPrefix("riscv") || name.hasPrefix("max-") {
        return miss(text, "a hart is what -cpu says")
      }
      return note(text, "no device here has that")
    }
    guard let isLegacy = Properties.flag(setting) else {
      throw WordProblem("'\(setting)' is neither true nor false")
    }
    hasLegacyVirtio = isLegacy
  }

  mutating func applySemihosting(_ value: String, _ text: String) throws(WordProblem) {
    var properties = try Properties(value, implied: "enable")
    hasSemihosting = try properties.takeFlag("enable") ?? true
    if let target = properties.take("target"), target == "gdb" {
      miss(text, "rrtool serves the calls, gdb never does")
    }
    if try properties.takeFlag("userspace") == true { miss(text, "calls are served in M and S mode alone") }
    if properties.take("arg") != nil {
      miss(text, "the guest is told the kernel's name and the words of -append")
    }
    if properties.take("chardev") != nil { note(text, "the calls have the console of the serial port") }
    if let other = properties.fields.first { throw WordProblem("'\(other.key)' says nothing of semihosting") }
  }

  mutating func applyActions(_ value: String, _ text: String) throws(WordProblem) {
    var properties = try Properties(value, implied: "reboot")
    if let action = properties.take("reboot") {
      try Self.check(action, among: ["reset", "shutdown"])
      powersOffAtReset = action == "shutdown"
    }
    for (event, actions) in [
      ("shutdown", ["poweroff", "pause"]), ("panic", ["pause", "shutdown", "exit-failure", "none"]),
      ("watchdog", ["reset", "shutdown", "poweroff", "inject-nmi", "pause", "debug", "none"]),
    ] {
      guard let action = properties.take(event) else { continue }
      try Self.check(action, among: actions)
      if action == "poweroff" || action == "none" { continue }
      note(
        "-action \(event)=\(action)",
        "a guest that powers off ends, and nothing tells of panics or has a watchdog")
    }
    if let other = properties.fields.first {
      throw WordProblem("'\(other.key)' is nothing that a guest does")
    }
  }

  private static func check(_ action: String, among known: [String]) throws(WordProblem) {
    guard known.contains(action) else {
      throw WordProblem("'\(action)' is nothing that is done; it can be \(known.joined(separator: ", "))")
    }
  }

  mutating func applyClock(_ value: String, _ text: String) throws(WordProblem) {
    var properties = try Properties(value, implied: "base")
    if let base = properties.take("base"), base != "utc" {
      miss(text, "the clock has the date of this machine, in UTC")
    }
    if let clock = properties.take("clock"), clock != "host" {
      note(text, "the clock goes as this machine's")
    }
    _ = properties.take("driftfix")
    if let other = properties.fields.first { throw WordProblem("'\(other.key)' says nothing of the clock") }
  }

  mutating func applyObject(_ value: String, _ text: String) throws(WordProblem) {
    let type = try Properties(value, implied: "qom-type").fields.first { $0.key == "qom-type" }?.value ?? ""
    guard !["rng-random", "rng-builtin", "filter-replay", "iothread"].contains(type) else { return }
    note(
      text,
      type == "filter-dump"
        ? "packets are in a recording: 'rrtool inspect NAME.rr pcap' writes them" : "nothing here uses it")
  }
}
