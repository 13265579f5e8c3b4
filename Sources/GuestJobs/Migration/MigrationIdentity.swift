// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import DiskImage
import Emulator
import Execution
import HostSystem
import RecordingStore

/// What both ends of a migration must have been given: the machine, what it boots (a reset needs it), and the images under
/// its drives. A list of names and values, so that an error can say which one differs.
package struct MigrationIdentity: Equatable, Sendable {
  package struct Entry: Equatable, Sendable {
    var name: String
    var value: String
  }

  package private(set) var entries: [Entry] = []
  static let entryLimit = 64

  /// Reads the images under the drives for their fingerprints.
  init(_ start: RunStart, configuration: MachineConfiguration) throws(Failure) {
    add("--memory", "\(configuration.memorySize) bytes")
    add("--smp", "\(configuration.hartCount)")
    add("--cpu", configuration.processor.rawValue)
    add("--icount shift", "\(configuration.shift)")
    if configuration.virtio != .modern { add("--virtio", configuration.virtio.rawValue) }
    add(
      "what is booted", Self.hexadecimal(Self.digest(of: start.plan, without: start.guest.images.randomSeed)))
    add("--pflash readonly", configuration.isFlashReadOnly.map { $0 ? "on" : "off" }.joined(separator: ", "))
    add("--virtio-console", configuration.hasVirtioConsole ? "on" : "off")
    for (index, card) in configuration.networkCards.enumerated() {
      add("network card \(index)", "\(card.address)\(card.mtu.map { ", MTU \($0)" } ?? "")")
    }
    add("--semihosting", configuration.semihosting ?? "off")
    if configuration.powersOffAtReset { add("--no-reboot", "on") }
    add("the number of drives", "\(configuration.drives.count)")
    for (index, (options, drive)) in zip(start.guest.drives, configuration.drives).enumerated() {
      var parts = ["\(drive.sectorCount) sectors", drive.isReadOnly ? "only read" : "written"]
      if case .file(let path, let format) = options.source {
        for base in try BaseImages.open(path, format: format).bases {
          let whole = try withImageFailures { () throws(DiskImageError) in try ImageFingerprint(of: base.path)
          }
          parts.append("image of \(whole.size) bytes with digest \(Self.hexadecimal(whole.digest))")
        }
      }
      add("drive \(index)", parts.joined(separator: ", "))
    }
  }

  private mutating func add(_ name: String, _ value: String) {
    entries.append(Entry(name: name, value: value))
  }

  /// - Parameter seed: the random numbers in the device tree, which each end draws for itself. Memory comes with the guest, so the
  ///   target's are seen after a reset only.
  private static func digest(of plan: BootPlan, without seed: [UInt8]?) -> UInt64 {
    var writer = ByteWriter()
    for region in plan.regions {
      var bytes = region.bytes
      if let seed, region.address == plan.deviceTreeAddress, let place = bytes.firstRange(of: seed) {
        bytes.replaceSubrange(place, with: repeatElement(0, count: seed.count))
      }
      writer.uint64(region.address)
      writer.uint64(UInt64(bytes.count))
      writer.uint64(Digest.of(bytes))
    }
    for part in plan.attached {
      writer.uint64(part.offset)
      writer.uint64(Digest.of(part.bytes))
    }
    switch plan.start {
    case .machineMode(let entry):
      writer.uint8(0)
      writer.uint64(entry)
    case .builtInSBI(let entry):
      writer.uint8(1)
      writer.uint64(entry)
    }
    writer.uint64(plan.deviceTreeAddress)
    writer.uint64(plan.nextStageAddress ?? 0)
    writer.uint64(plan.toHostAddress ?? 0)
    writer.uint64(plan.fromHostAddress ?? 0)
    return Digest.of(writer.bytes)
  }

  private static func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

  // MARK: In the stream

  func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.varint(UInt64(entries.count))
    for entry in entries {
      writer.string(entry.name)
      writer.string(entry.value)
    }
    return writer.bytes
  }

  init(decoding bytes: [UInt8]) throws(ByteCodingError) {
    var reader = ByteReader(bytes)
    let count = try reader.varint()
    guard count <= UInt64(Self.entryLimit) else {
      throw .malformed(offset: 0, what: "a description of \(count) entries")
    }
    for _ in 0..<count { add(try reader.string(), try reader.string()) }
    guard reader.isAtEnd else { throw .malformed(offset: reader.offset, what: "bytes after the description") }
  }

  /// Insists that this end was given the same as the other one.
  func check(against source: MigrationIdentity, from address: String) throws(Failure) {
    for (mine, theirs) in zip(entries, source.entries) where mine != theirs {
      throw Failure(
        .usage, address, "is of another machine: \(theirs.name) is \(theirs.value) there, \(mine.value) here",
        remedy: "give the same options as at the source")
    }
    guard entries.count == source.entries.count else {
      throw Failure(
        .usage, address, "is of another machine", remedy: "give the same options as at the source")
    }
  }
}
