// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import HostSystem
import RecordingStore

/// What is to run: the machine and what it boots.
public struct Guest: Sendable {
  /// A short name, for the recording's.
  public var name: String
  public var memorySize: UInt64
  public var hartCount: Int
  /// Guest nanoseconds an instruction: 2 to this power.
  public var shift: Int
  /// Whether idle time passes as fast as the host's (`sleep=on`), or is skipped.
  public var sleeps: Bool
  /// What its harts are.
  public var processor = ProcessorModel.rv64
  /// The interface of its virtio devices.
  public var virtio = MachineConfiguration.Virtio.modern
  public var images: BootImages
  /// Where `images` came from.
  public private(set) var sources: [RecordingManifest.Boot.Image] = []
  public var drives: [DriveOptions]
  /// Is there a virtio console beside the serial port?
  public var hasVirtioConsole = false
  public var networks: [NetworkOptions] = []
  /// The command line that semihosting tells; nil for a guest without.
  public var semihosting: String?
  /// A reset switches it off.
  public var powersOffAtReset = false
  /// By bank: whether the guest cannot write it.
  public private(set) var isFlashReadOnly = [false, false]
  /// What executes its instructions: it changes the speed and nothing else.
  public var engine = Machine.Engine.automatic

  /// One boot image's limit: more than any kernel or initramfs has.
  private static let imageLimit: UInt64 = 4 << 30

  public init(
    name: String, memorySize: UInt64, hartCount: Int, shift: Int, sleeps: Bool, commandLine: String = "",
    drives: [DriveOptions] = []
  ) {
    self.name = name
    self.memorySize = memorySize
    self.hartCount = hartCount
    self.shift = shift
    self.sleeps = sleeps
    self.drives = drives
    images = BootImages(commandLine: commandLine)
  }

  /// What a file is for; the raw value is the option's name.
  public enum Role: String, Sendable, CaseIterable { case bios, kernel, initrd, dtb }

  /// Bytes in `/chosen/rng-seed`, as many as QEMU gives.
  public static let randomSeedSize = 32

  /// Draws the numbers that its kernel finds in the device tree from the host. They are part of the start and so recorded with it.
  public mutating func drawRandomSeed() {
    var pool = EntropyPool()
    images.randomSeed = pool.take(Self.randomSeedSize)
  }

  /// The device tree that it finds when it starts.
  public func deviceTree() throws(Failure) -> [UInt8] {
    // Which drives there are does not show in the tree: it lists every slot.
    let plan = try plan(configuration(drives: []))
    return plan.regions.first { $0.address == plan.deviceTreeAddress }?.bytes ?? []
  }

  /// Whether the kernel is told to use devices on PCI, which this machine has not, or the device tree describes it.
  public var asksForPCI: Bool { images.asksForPCI }

  /// Reads a boot image from a file.
  public mutating func load(_ role: Role, from path: String) throws(Failure) {
    use(role, try HostFiles.read(path, limit: Self.imageLimit), from: HostFiles.absolute(path))
  }

  /// Takes a boot image; `path` is where it came from, for people.
  public mutating func use(_ role: Role, _ bytes: [UInt8], from path: String) {
    switch role {
    case .bios: images.bios = bytes
    case .kernel: images.kernel = bytes
    case .initrd: images.initrd = bytes
    case .dtb: images.deviceTree = bytes
    }
    noteSource(role.rawValue, bytes, from: path)
  }

  private mutating func noteSource(_ role: String, _ bytes: [UInt8], from path: String) {
    sources.append(
      .init(
        role: role, path: path, size: UInt64(bytes.count),
        digest: Digest.of(bytes).hexadecimal))
  }

  /// `sources`, and which programs they are.
  fileprivate func sourcesWithPrograms(_ plan: BootPlan) -> [RecordingManifest.Boot.Image] {
    sources.map { source in
      let file: [UInt8]? =
        switch Role(rawValue: source.role) {
        case .bios?: images.bios
        case .kernel?: images.kernel
        default: nil
        }
      guard let file else { return source }
      let isKernel = source.role == Role.kernel.rawValue
      // A kernel that was packed lies unpacked where it is started.
      var start = MemoryMap.memoryBase
      if isKernel {
        switch plan.start {
        case .builtInSBI(let entry): start = entry
        case .machineMode(let entry): start = plan.nextStageAddress ?? entry
        }
      }
      var source = source
      source.program = .init(
        booted: file, asKernel: isKernel, unpacked: plan.regions.first { $0.address == start }?.bytes)
      return source
    }
  }

  /// Files that are read to start it.
  var inputs: [String] { sources.map(\.path) }

  package func configuration(drives: [RecordingManifest.Drive]) throws(Failure) -> MachineConfiguration {
    func check(_ isFine: Bool, _ option: String, _ problem: String, _ remedy: String) throws(Failure) {
      if !isFine { throw Failure(.usage, option, problem, remedy: remedy) }
    }
    let unit: UInt64 = 2 << 20
    try check(
      memorySize >= unit && memorySize <= MachineConfiguration.memorySizeLimit && memorySize % unit == 0,
      "--memory",
      "\(memorySize) bytes are not possible",
      "give a multiple of 2M up to \(MachineConfiguration.memorySizeLimit >> 30)G")
    try check(
      (1...MachineConfiguration.hartCountLimit).contains(hartCount), "--smp",
      "\(hartCount) harts are not possible",
      "give 1 to \(MachineConfiguration.hartCountLimit)")
    try check(
      (0...MachineConfiguration.shiftLimit).contains(shift), "--icount",
      "a shift of \(shift) is not possible",
      "give 0 to \(MachineConfiguration.shiftLimit)")
    var configuration = MachineConfiguration(
      memorySize: memorySize, hartCount: hartCount, shift: shift,
      drives: drives.map { .init(sectorCount: $0.sectorCount, isReadOnly: $0.readOnly, serial: $0.serial) },
      processor: processor)
    configuration.virtio = virtio
    configuration.hasVirtioConsole = hasVirtioConsole
    configuration.networkCards = networks.map(\.card)
    configuration.semihosting = semihosting
    configuration.powersOffAtReset = powersOffAtReset
    try check(
      drives.count <= configuration.driveLimit, "--drive",
      "\(drives.count) drives are not possible\(otherDevices)",
      "give at most \(configuration.driveLimit)")
    configuration.isFlashReadOnly = isFlashReadOnly
    do throws(BootError) {
      configuration.firmwareFiles = try images.firmwareFiles(memorySize: memorySize)
    } catch {
      throw refusal(of: error)
    }
    return configuration
  }

  /// What leaves less room for drives, in words.
  private var otherDevices: String {
    var others = hasVirtioConsole ? ["a virtio console"] : []
    if !networks.isEmpty { others.append("\(networks.count) network card\(networks.count == 1 ? "" : "s")") }
    return others.isEmpty ? "" : " beside " + others.joined(separator: " and ")
  }

  /// Puts what a file holds into the next bank of flash. The file is only read.
  public mutating func loadFlash(_ options: FlashOptions) throws(Failure) {
    guard let bank = images.flash.firstIndex(where: { $0 == nil }) else {
      throw Failure(
        .usage, "--pflash \(options.path)", "there are two banks of flash, and both have a file",
        remedy: "give --pflash at most twice")
    }
    let bytes = try HostFiles.read(options.path, limit: Self.imageLimit)
    images.flash[bank] = bytes
    isFlashReadOnly[bank] = options.isReadOnly
    noteSource("pflash", bytes, from: HostFiles.absolute(options.path))
  }

  package func plan(_ configuration: MachineConfiguration) throws(Failure) -> BootPlan {
    do throws(BootError) {
      return try BootPlan(images: images, configuration: configuration)
    } catch {
      throw refusal(of: error)
    }
  }

  private func refusal(of error: BootError) -> Failure {
    switch error {
    case .unusable(let image, let reason):
      // The planner's reason says what is wrong and then what to do.
      let parts = reason.split(separator: "; ", maxSplits: 1).map(String.init)
      let subject = sources.first { $0.role == image }.map { "--\(image) \($0.path)" } ?? image
      return Failure(
        .file, subject, parts.first ?? "cannot be used",
        remedy: parts.count > 1 ? parts[1] : "give an image that this machine can boot")
    }
  }
}

extension RecordingManifest.Boot {
  init(guest: Guest, plan: BootPlan) {
    let (mode, entry): (Mode, UInt64) =
      switch plan.start {
      case .machineMode(let entry): (.machine, entry)
      case .builtInSBI(let entry): (.supervisor, entry)
      }
    self.init(
      images: guest.sourcesWithPrograms(plan), commandLine: guest.images.commandLine, mode: mode,
      entry: entry,
      deviceTreeAddress: plan.deviceTreeAddress, nextStageAddress: plan.nextStageAddress,
      toHostAddress: plan.toHostAddress, fromHostAddress: plan.fromHostAddress,
      regions: plan.regions.map { Region(address: $0.address, length: UInt64($0.bytes.count)) })
  }
}
