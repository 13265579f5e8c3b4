// SPDX-License-Identifier: Apache-2.0

extension BootPlan {
  /// Lays out the images in memory as QEMU's `virt` board does.
  ///
  /// - Precondition: `configuration` is within the limits it states.
  public init(images given: BootImages, configuration: MachineConfiguration) throws(BootError) {
    try Self.checkCombination(given)
    let images = given.inMemory
    var parts = BootLayout.Parts()
    let bios = try images.bios.map { (file) throws(BootError) in try Self.readBIOS(file) }
    let kernel = try images.kernel.map { (file) throws(BootError) in
      try Self.understand("kernel") { () throws(ImageFormatError) in
        try KernelImage(file, unpackedSizeLimit: configuration.memorySize)
      }
    }
    parts.bios = bios?.regions.map { $0.extent("bios") } ?? []
    switch kernel {
    case .executable(let file): parts.kernel = file.segments.map { LoadedRegion($0).extent("kernel") }
    case .relocatable(_, let memorySize): parts.relocatableKernelSize = memorySize
    case nil: break
    }
    parts.hasNoFirmware = images.startsInMachineMode
    parts.initrdSize = UInt64(images.initrd?.count ?? 0)

    var tree = try Self.deviceTree(images, configuration)
    // A boot loader that writes into the tree where it lies takes what the blob has to spare. Only firmware that was in the tree
    // before it leaves anything there: U-Boot has its own data right behind.
    let followsSBI = images.bios == nil && !images.startsInMachineMode
    let room = followsSBI && configuration.revision.handsOverAsOpenSBI ? Self.deviceTreeRoom : 0
    // The tree has the same size wherever the initrd lies, so it can be measured before that is known.
    func deviceTree(initrdAddress: UInt64) -> [UInt8] {
      let initrd = images.initrd.map { initrdAddress..<initrdAddress + UInt64($0.count) }
      tree.root.tellKernel(commandLine: images.commandLine, initrd: initrd)
      return tree.encoded(room: room)
    }
    parts.deviceTreeSize = UInt64(deviceTree(initrdAddress: 0).count)
    let layout = BootLayout(parts, memorySize: configuration.memorySize)
    if let conflict = layout.conflict { throw Self.error(conflict, parts, layout) }

    var loaded = bios?.regions ?? []
    var kernelEntry: UInt64?
    switch kernel {
    case .executable(let file):
      loaded += file.segments.map { LoadedRegion($0) }
      kernelEntry = file.entry
    case .relocatable(let bytes, let memorySize):
      loaded.append(
        LoadedRegion(address: layout.kernelAddress, bytes: bytes[...], memorySize: memorySize))
      kernelEntry = layout.kernelAddress
    case nil: break
    }
    if given.startsBehindFirmware { kernelEntry = MemoryMap.flash.base }
    var regions = loaded.filter { !$0.bytes.isEmpty }.map {
      Region(address: $0.address, bytes: Array($0.bytes))
    }
    if let initrd = images.initrd { regions.append(Region(address: layout.initrdAddress, bytes: initrd)) }
    regions.append(
      Region(
        address: layout.deviceTreeAddress, bytes: deviceTree(initrdAddress: layout.initrdAddress)))
    regions.sort { $0.address < $1.address }

    let start: Start
    var symbols = bios?.hostSymbols ?? HostSymbols()
    if let bios {
      start = .machineMode(entry: bios.entry)
    } else if images.startsInMachineMode {
      // Flash comes before RAM, as on QEMU.
      let entry = given.flash[0] == nil ? MemoryMap.memoryBase : MemoryMap.flash.base
      guard
        given.flash[0] != nil
          || loaded.contains(where: { $0.address <= entry && entry - $0.address < UInt64($0.bytes.count) })
      else {
        throw .unusable(
          image: "kernel",
          reason: "it has nothing at \(hexadecimal(entry)), where the harts start without a bios; "
            + "link it for that address, or leave out --bios none")
      }
      start = .machineMode(entry: entry)
      if case .executable(let file) = kernel { symbols = HostSymbols(file) }
    } else if let kernelEntry {
      start = .builtInSBI(entry: kernelEntry)
    } else {
      preconditionFailure("checkCombination has seen a bios or a kernel")
    }
    self.init(
      regions: regions, start: start, deviceTreeAddress: layout.deviceTreeAddress,
      nextStageAddress: bios == nil && !images.startsInMachineMode ? nil : kernelEntry,
      toHostAddress: symbols.toHost, fromHostAddress: symbols.fromHost)
    attached = try given.attachedParts(memorySize: configuration.memorySize)
  }

  /// A kernel's command line alone may be half as long.
  private static let deviceTreeRoom = 4096

  /// The board's tree, or the one that was given; without what the kernel is started with.
  private static func deviceTree(
    _ images: BootImages, _ configuration: MachineConfiguration
  ) throws(BootError) -> DeviceTreeFile {
    guard let file = images.deviceTree else {
      return DeviceTreeFile(root: .board(configuration, randomSeed: images.randomSeed))
    }
    return try understand("dtb") { () throws(ImageFormatError) in try DeviceTreeFile(file) }
  }

  /// Bytes on their way to memory, and how much memory they stand for.
  private struct LoadedRegion {
    var address: UInt64
    var bytes: ArraySlice<UInt8>
    var memorySize: UInt64

    init(address: UInt64, bytes: ArraySlice<UInt8>, memorySize: UInt64) {
      self.address = address
      self.bytes = bytes
      self.memorySize = memorySize
    }

    init(_ segment: ExecutableFile.Segment) {
      self.init(address: segment.physicalAddress, bytes: segment.bytes, memorySize: segment.memorySize)
    }

    func extent(_ image: String) -> BootLayout.Extent {
      BootLayout.Extent(image: image, address: address, size: memorySize)
    }
  }

  private struct BIOS {
    var regions: [LoadedRegion]
    var entry: UInt64
    var hostSymbols = HostSymbols()
  }

  /// Where a program has the words of the host-target interface.
  private struct HostSymbols {
    var toHost: UInt64?
    var fromHost: UInt64?

    init() {}

    init(_ file: ExecutableFile) {
      toHost = file.physicalAddress(ofSymbol: "tohost")
      fromHost = file.physicalAddress(ofSymbol: "fromhost")
    }
  }

  private static func checkCombination(_ images: BootImages) throws(BootError) {
    precondition(images.bios == nil || !images.startsInMachineMode, "a bios, and none")
    let files = [
      ("bios", images.bios), ("kernel", images.kernel), ("initrd", images.initrd),
      ("dtb", images.deviceTree), ("pflash", images.flash[0]), ("pflash", images.flash[1]),
    ]
    for (name, file) in files {
      if let file, file.isEmpty {
        throw .unusable(image: name, reason: "the file is empty; copy or build it again")
      }
    }
    if images.kernel == nil {
      if images.bios == nil, images.flash[0] == nil {
        throw .unusable(image: "kernel", reason: "nothing to boot; give the guest a --kernel or a --bios")
      }
      if images.initrd != nil {
        throw .unusable(image: "initrd", reason: "no kernel to use it; give the guest a --kernel too")
      }
      if !images.commandLine.isEmpty {
        throw .unusable(image: "command line", reason: "no kernel to read it; give the guest a --kernel too")
      }
    }
    if images.commandLine.utf8.contains(0) {
      throw .unusable(image: "command line", reason: "it contains a NUL character; leave that out")
    }
  }

  private static func readBIOS(_ file: [UInt8]) throws(BootError) -> BIOS {
    guard ExecutableFile.isOne(file) else {
      // A flat image says nothing about itself: it lies, and starts, where RAM begins.
      let region = LoadedRegion(
        address: MemoryMap.memoryBase, bytes: file[...], memorySize: UInt64(file.count))
      return BIOS(regions: [region], entry: MemoryMap.memoryBase)
    }
    return try understand("bios") { () throws(ImageFormatError) in
      let executable = try ExecutableFile(file, freeAddress: MemoryMap.memoryBase)
      return BIOS(
        regions: executable.segments.map { LoadedRegion($0) }, entry: executable.entry,
        hostSymbols: HostSymbols(executable))
    }
  }

  private static func understand<Value>(
    _ image: String, _ read: () throws(ImageFormatError) -> Value
  ) throws(BootError) -> Value {
    do throws(ImageFormatError) {
      return try read()
    } catch {
      throw .unusable(image: image, reason: error.reason)
    }
  }

  private static func error(
    _ conflict: BootLayout.Conflict, _ parts: BootLayout.Parts, _ layout: BootLayout
  ) -> BootError {
    let memory = readableSize(layout.memorySize)
    var reason: String
    switch conflict {
    case .outsideMemory(let extent):
      reason =
        "\(readableSize(extent.size)) at \(hexadecimal(extent.address)) do not lie in RAM, \(memory) at "
        + hexadecimal(MemoryMap.memoryBase)
    case .overlap(let first, let second):
      reason = "\(describe(first)) and \(describe(second)) overlap in \(memory) of RAM"
    }
    if let sufficient = BootLayout.sufficientMemory(for: parts, above: layout.memorySize) {
      reason += "; start the guest with --memory \(option(sufficient))"
    } else {
      reason += "; link it for other addresses, or use a smaller one"
    }
    return .unusable(image: conflict.image, reason: reason)
  }

  private static func describe(_ extent: BootLayout.Extent) -> String {
    "the \(extent.image) (\(readableSize(extent.size)) at \(hexadecimal(extent.address)))"
  }

  /// A power of two of at least 2 MiB as --memory takes it.
  private static func option(_ size: UInt64) -> String {
    size >> 30 > 0 ? "\(size >> 30)G" : "\(size >> 20)M"
  }
}
