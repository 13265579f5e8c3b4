// SPDX-License-Identifier: Apache-2.0

extension DeviceTreeNode {
  /// Numbers by which nodes refer to each other; 0 is not allowed.
  private enum Handle {
    static func hart(_ hart: Int) -> UInt32 { UInt32(1 + 2 * hart) }
    static func hartInterruptController(_ hart: Int) -> UInt32 { UInt32(2 + 2 * hart) }
    static let platformInterruptController = UInt32(1 + 2 * MachineConfiguration.hartCountLimit)
    static let testFinisher = UInt32(2 + 2 * MachineConfiguration.hartCountLimit)
  }

  /// The board as QEMU describes its `virt` board, less the devices that this machine has not: PCI, flash, fw_cfg, the
  /// platform bus and the performance counters. What the kernel is told besides is `tellKernel`'s.
  static func board(_ configuration: MachineConfiguration, randomSeed: [UInt8]?) -> DeviceTreeNode {
    var root = DeviceTreeNode("")
    root.set("#address-cells", cells: 2)
    root.set("#size-cells", cells: 2)
    root.set("compatible", strings: "riscv-virtio")
    root.set("model", strings: "riscv-virtio,qemu")
    root.add("chosen") {
      $0.set("stdout-path", strings: Self.serialPortPath)
      if let randomSeed { $0.set("rng-seed", bytes: randomSeed) }
    }
    root.add("aliases") { $0.set("serial0", strings: Self.serialPortPath) }
    root.add(unit("memory", MemoryMap.memoryBase)) {
      $0.set("device_type", strings: "memory")
      $0.set("reg", doublewords: MemoryMap.memoryBase, configuration.memorySize)
    }
    if configuration.revision.hasFirmwareDevices { root.addFirmwareDevices() }
    root.addHarts(configuration)
    root.addReset("poweroff", value: 0x5555)
    root.addReset("reboot", value: 0x7777)
    root.add("soc") {
      $0.set("#address-cells", cells: 2)
      $0.set("#size-cells", cells: 2)
      $0.set("compatible", strings: "simple-bus")
      $0.set("ranges")
      $0.addInterruptControllers(hartCount: configuration.hartCount)
      $0.addDevices()
    }
    return root
  }

  private static let serialPortPath = "/soc/\(unit("serial", MemoryMap.serialPort.base))"

  /// Flash and what firmware is given.
  private mutating func addFirmwareDevices() {
    add(Self.unit("flash", MemoryMap.flash.base)) {
      $0.set("bank-width", cells: 4)
      let size = AttachedStorage.bankSize
      $0.set(
        "reg", doublewords: MemoryMap.flash.base, size, MemoryMap.flash.base + size, size)
      $0.set("compatible", strings: "cfi-flash")
    }
    add(Self.unit("fw-cfg", MemoryMap.firmwareConfiguration.base)) {
      $0.set("dma-coherent")
      $0.setRegisters(MemoryMap.firmwareConfiguration)
      $0.set("compatible", strings: "qemu,fw-cfg-mmio")
    }
  }

  private mutating func addHarts(_ configuration: MachineConfiguration) {
    let count = configuration.hartCount
    add("cpus") {
      $0.set("#address-cells", cells: 1)
      $0.set("#size-cells", cells: 0)
      $0.set("timebase-frequency", cells: UInt32(MemoryMap.timebaseFrequency))
      for hart in 0..<count {
        $0.add("cpu@\(hart)") { $0.describeHart(hart, configuration.extensions) }
      }
      $0.add("cpu-map") {
        $0.add("cluster0") {
          for hart in 0..<count {
            $0.add("core\(hart)") { $0.set("cpu", cells: Handle.hart(hart)) }
          }
        }
      }
    }
  }

  private mutating func describeHart(_ hart: Int, _ extensions: ProcessorExtensions) {
    let (letters, names) = (extensions.letters, extensions.names)
    set("phandle", cells: Handle.hart(hart))
    set("device_type", strings: "cpu")
    set("reg", cells: UInt32(hart))
    set("status", strings: "okay")
    set("compatible", strings: "riscv")
    // The list replaces the string in newer kernels; older ones and OpenSBI read the string.
    set("riscv,isa", strings: (["rv64" + letters.joined()] + names).joined(separator: "_"))
    set("riscv,isa-base", strings: "rv64i")
    set("riscv,isa-extensions", strings: letters + names)
    for block in ["cbop", "cboz", "cbom"] {
      set("riscv,\(block)-block-size", cells: UInt32(Interpreter.cacheBlockSize))
    }
    set("mmu-type", strings: extensions.contains(.sv48) ? "riscv,sv48" : "riscv,sv39")
    add("interrupt-controller") {
      $0.set("#address-cells", cells: 0)
      $0.set("#interrupt-cells", cells: 1)
      $0.set("interrupt-controller")
      $0.set("compatible", strings: "riscv,cpu-intc")
      $0.set("phandle", cells: Handle.hartInterruptController(hart))
    }
  }

  /// Power off or reset by a store of `value` into the test finisher.
  private mutating func addReset(_ name: String, value: UInt32) {
    add(name) {
      $0.set("value", cells: value)
      $0.set("offset", cells: 0)
      $0.set("regmap", cells: Handle.testFinisher)
      $0.set("compatible", strings: "syscon-\(name)")
    }
  }

  private mutating func addInterruptControllers(hartCount: Int) {
    func wires(_ interrupts: [HartInterrupt]) -> [UInt32] {
      (0..<hartCount).flatMap { hart in
        interrupts.flatMap { [Handle.hartInterruptController(hart), UInt32($0.rawValue)] }
      }
    }
    add(Self.unit("plic", MemoryMap.platformInterruptController.base)) {
      $0.set("phandle", cells: Handle.platformInterruptController)
      $0.set("riscv,ndev", cells: UInt32(PlatformInterruptController.sourceCount - 1))
      $0.setRegisters(MemoryMap.platformInterruptController)
      // One context for each pair, so a hart's M context is 2n and its S context 2n + 1.
      $0.set("interrupts-extended", cells: wires([.machineExternal, .supervisorExternal]))
      $0.set("interrupt-controller")
      $0.set("compatible", strings: "sifive,plic-1.0.0", "riscv,plic0")
      $0.set("#address-cells", cells: 0)
      $0.set("#interrupt-cells", cells: 1)
    }
    add(Self.unit("clint", MemoryMap.coreLocalInterruptor.base)) {
      $0.set("interrupts-extended", cells: wires([.machineSoftware, .machineTimer]))
      $0.setRegisters(MemoryMap.coreLocalInterruptor)
      $0.set("compatible", strings: "sifive,clint0", "riscv,clint0")
    }
  }

  private mutating func addDevices() {
    add(Self.unit("test", MemoryMap.testFinisher.base)) {
      $0.set("phandle", cells: Handle.testFinisher)
      $0.setRegisters(MemoryMap.testFinisher)
      $0.set("compatible", strings: "sifive,test1", "sifive,test0", "syscon")
    }
    add(Self.unit("rtc", MemoryMap.realTimeClock.base)) {
      $0.setInterrupt(MemoryMap.InterruptSource.realTimeClock)
      $0.setRegisters(MemoryMap.realTimeClock)
      $0.set("compatible", strings: "google,goldfish-rtc")
    }
    add(Self.unit("serial", MemoryMap.serialPort.base)) {
      $0.setInterrupt(MemoryMap.InterruptSource.serialPort)
      $0.set("clock-frequency", cells: 3_686_400)
      $0.setRegisters(MemoryMap.serialPort)
      $0.set("compatible", strings: "ns16550a")
    }
    // Linux numbers the devices in the order of these nodes. QEMU lists the last slot first and fills the last slot
    // first, so its first drive is vda; this machine fills the first slot first and lists it first.
    for slot in 0..<MemoryMap.virtioSlotCount {
      let base = MemoryMap.virtioSlots.base + UInt64(slot) * MemoryMap.virtioSlotSize
      add(Self.unit("virtio_mmio", base)) {
        $0.setInterrupt(MemoryMap.InterruptSource.virtioFirst + slot)
        $0.setRegisters(MemoryMap.Window(base: base, size: MemoryMap.virtioSlotSize))
        $0.set("compatible", strings: "virtio,mmio")
      }
    }
  }

  private mutating func setInterrupt(_ source: Int) {
    set("interrupts", cells: UInt32(source))
    set("interrupt-parent", cells: Handle.platformInterruptController)
  }

  private mutating func setRegisters(_ window: MemoryMap.Window) {
    set("reg", doublewords: window.base, window.size)
  }

  private static func unit(_ name: String, _ address: UInt64) -> String {
    "\(name)@\(String(address, radix: 16))"
  }
}
