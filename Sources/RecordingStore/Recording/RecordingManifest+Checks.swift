// SPDX-License-Identifier: Apache-2.0

import Emulator

/// A manifest comes from a stranger: nothing of it is used before this.
extension RecordingManifest {
  private static let pathLimit = 4096
  private static let textLimit = 1 << 16
  private static let regionLimit = 64

  /// What is wrong with it, in a few words; nil when it can be used.
  package func findProblem() -> String? {
    findMachineProblem() ?? findBootProblem() ?? findFileProblem() ?? findEndingProblem()
  }

  private func findMachineProblem() -> String? {
    let megabytes2: UInt64 = 2 << 20
    guard machine.memorySize > 0, machine.memorySize <= MachineConfiguration.memorySizeLimit,
      machine.memorySize % megabytes2 == 0
    else { return "a memory of \(machine.memorySize) bytes" }
    guard (1...MachineConfiguration.hartCountLimit).contains(machine.hartCount) else {
      return "\(machine.hartCount) harts"
    }
    guard (0...MachineConfiguration.shiftLimit).contains(machine.shift) else {
      return "a shift of \(machine.shift)"
    }
    if let processor = machine.processor, ProcessorModel(rawValue: processor) == nil {
      return "a processor '\(processor.prefix(80))'"
    }
    if let revision = machine.revision {
      guard MachineRevision(rawValue: revision) != nil else { return "a machine of revision \(revision)" }
    } else if version >= Self.revisionVersion {
      return "a machine of no revision"
    }
    if let virtio = machine.virtio, MachineConfiguration.Virtio(rawValue: virtio) == nil {
      return "virtio devices of the kind \(virtio)"
    }
    if let commandLine = machine.semihosting,
      commandLine.utf8.count > Self.textLimit || commandLine.utf8.contains(0)
    {
      return "a command line for semihosting that cannot be"
    }
    if let problem = machine.findNetworkProblem() { return problem }
    let slots = MachineConfiguration.driveCountLimit - (machine.virtioConsole == true ? 1 : 0)
    guard drives.count <= slots - (machine.networkCards?.count ?? 0) else { return "\(drives.count) drives" }
    for (index, drive) in drives.enumerated() {
      guard drive.sectorCount > 0, drive.sectorCount <= UInt64(Int.max) / 512 else {
        return "drive \(index) of \(drive.sectorCount) sectors"
      }
      guard drive.serial.utf8.count <= 20, drive.serial.utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) else {
        return "a serial number of drive \(index) that is not 20 characters of ASCII"
      }
    }
    if let problem = machine.findAttachedProblem() { return problem }
    guard digestInterval > 0 else { return "no instructions between two digests" }
    return nil
  }

  private func findBootProblem() -> String? {
    guard boot.commandLine.utf8.count <= Self.textLimit else { return "a command line that is too long" }
    guard boot.regions.count <= Self.regionLimit else { return "\(boot.regions.count) boot regions" }
    if let problem = boot.images.lazy.compactMap({ $0.program?.findProblem() }).first { return problem }
    let end = MemoryMap.memoryBase + machine.memorySize
    var covered: [ClosedRange<UInt64>] = []
    for region in boot.regions where region.length > 0 {
      guard region.address >= MemoryMap.memoryBase, region.address < end,
        region.length <= end - region.address
      else {
        return "a boot region outside of memory"
      }
      let range = region.address...(region.address + region.length - 1)
      guard !covered.contains(where: { $0.overlaps(range) }) else { return "boot regions that overlap" }
      covered.append(range)
    }
    return nil
  }

  private func findFileProblem() -> String? {
    guard Self.isSnapshotName(initialSnapshot), boot.snapshot.map(Self.isSnapshotName) ?? true else {
      return "a snapshot name that cannot be"
    }
    var files = [log]
    for (index, drive) in drives.enumerated() {
      if let overlay = drive.overlay {
        files.append(overlay)
      } else if !drive.readOnly || drive.bases.isEmpty {
        return "drive \(index) without an image"
      }
      guard drive.bases.count <= 64 else { return "too long a chain of backing files" }
      for base in drive.bases where !(base.path.hasPrefix("/") && Self.isUsablePath(base.path)) {
        return "a base image of drive \(index) that is no path from the root"
      }
      for base in drive.bases where base.fingerprint == nil && base.size == nil {
        return "a base image of drive \(index) of which nothing is known"
      }
      for path in drive.bases.compactMap(\.dataPath) where !(path.hasPrefix("/") && Self.isUsablePath(path)) {
        return "a data file of drive \(index) that is no path from the root"
      }
      for path in drive.bases.compactMap(\.relativePath) where !Self.isUsablePath(path) {
        return "a base image of drive \(index) whose relative path cannot be"
      }
    }
    let symbols = symbols ?? []
    guard symbols.count <= Self.symbolFileLimit else { return "\(symbols.count) files with symbols" }
    for name in symbols where !Self.isFileOfRecording(name) {
      return "symbols in '\(name.prefix(80))', which is not in its folder"
    }
    files += symbols
    for file in files where !Self.isFileOfRecording(file) && !(file.hasPrefix("/") && Self.isUsablePath(file))
    {
      return "a file named '\(file.prefix(80))', which is neither in its folder nor a path from the root"
    }
    guard Set(files).count == files.count else { return "one file for two purposes" }
    return nil
  }

  private func findEndingProblem() -> String? {
    if state != .recording, ending == nil { return "no ending, though it is \(state.rawValue)" }
    return nil
  }

  /// A plain name: no folder, nothing hidden, none of the files that mean something else.
  static func isFileOfRecording(_ name: String) -> Bool {
    isUsablePath(name) && !name.contains("/") && !name.hasPrefix(".") && name != Recording.manifestName
      && name != Recording.memoryName && name != Recording.baseDigestsName
  }

  private static func isUsablePath(_ path: String) -> Bool {
    !path.isEmpty && path.utf8.count <= pathLimit
      && path.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
  }

  /// Names of snapshots: what qcow2 and a command line can carry without doubt. No number, no position, no option.
  public static func isSnapshotName(_ name: String) -> Bool {
    let allowed = { (byte: UInt8) in
      (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
        || Array("-_.".utf8).contains(byte)
    }
    guard let first = name.utf8.first, name.utf8.count <= 127, name.utf8.allSatisfy(allowed) else {
      return false
    }
    let isLetter = (0x41...0x5a).contains(first) || (0x61...0x7a).contains(first)
    return isLetter && !["start", "end"].contains(name)
  }
}
